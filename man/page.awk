# SPDX-License-Identifier: GPL-2.0-or-later
# page.awk: the man page of a verb, or tsmctl(8), from "tsmctl help tables" and a template.
#
#   awk -f mdoc.awk -f page.awk -v verb=bind TABLES bind.in
#   awk -f mdoc.awk -f page.awk TABLES tsmctl.8.in
#
# NAME, SYNOPSIS, the options and the first paragraph of a verb's page come from the tables.
# The template of a verb has the rest of DESCRIPTION, then sections of its own. That of
# tsmctl(8) is a whole page. Each may have lines with a mark:
#
#   @verbs@	the verbs, each with its synopsis and its help
#   @options@	the options for every verb
#   @checks host@, @checks device@	the checks of doctor
#   @stages@	where the driver refuses a bind
#   @metrics@	what tsmctl metrics measures
#
# Fails if the tables have no such verb, or no verb at all.

BEGIN { FS = "\t" }

function sentence(text)
{
	return plain(toupper(substr(text, 1, 1)) substr(text, 2)) (text ~ /[.]$/ ? "" : ".")
}

# A value is in small letters, unless its name shows its form, as tsmN and 0xNUMBER do.
function value(text)
{
	return "Ar " (text ~ /[a-z]/ ? text : tolower(text))
}

# One word of a synopsis: --option, word|word, DEVICE...
function word(text,	n, i, parts, more, out)
{
	if (text ~ /^--/)
		return "Fl -" plain(substr(text, 3))
	n = split(text, parts, "|")
	for (i = 1; i <= n; i++) {
		more = sub(/[.][.][.]$/, "", parts[i]) ? " ..." : ""
		out = out (i > 1 ? " | " : "") \
			(parts[i] ~ /[A-Z]/ ? value(parts[i]) : "Cm " parts[i]) more
	}
	return out
}

function words(text,	n, i, parts, out)
{
	n = split(text, parts, " ")
	for (i = 1; i <= n; i++)
		out = out (i > 1 ? " " : "") word(parts[i])
	return out
}

# Length of the group in brackets that a text begins with.
function group_length(text,	i, depth)
{
	for (i = 1; i <= length(text); i++) {
		depth += (substr(text, i, 1) == "[") - (substr(text, i, 1) == "]")
		if (!depth)
			break
	}
	return i
}

# The parts of a synopsis in parts[]: macros without the dot. Returns their number. The
# options that the synopsis leaves out are at the end.
function synopsis_parts(name, text, parts,	n, i, o, rest, len)
{
	rest = text
	while (rest != "") {
		sub(/^ +/, "", rest)
		if (rest ~ /^\[/) {
			len = group_length(rest)
			parts[++n] = "Op " words(substr(rest, 2, len - 2))
		} else {
			len = match(rest " ", / /) - 1
			parts[++n] = word(substr(rest, 1, len))
		}
		rest = substr(rest, len + 1)
	}
	for (i = 1; i <= options; i++) {
		split(option[i], o, FS)
		if (o[2] == name && index(text, "--" o[4]) == 0)
			parts[++n] = "Op Fl -" plain(o[4]) (o[5] == "-" ? "" : " " value(o[5]))
	}
	return n
}

# The help of a verb, a sentence a line.
function print_help(text,	n, i, lines)
{
	gsub(/[.] +/, ".\n", text)
	n = split(text, lines, "\n")
	for (i = 1; i <= n; i++)
		print plain(lines[i])
}

function print_verbs(	i, j, n, v, parts, item)
{
	print ".Bl -tag -width Ds"
	for (i = 1; i <= verbs; i++) {
		split(row[i], v, FS)
		item = ".It Cm " plain(v[2])
		n = synopsis_parts(v[2], v[3], parts)
		for (j = 1; j <= n; j++)
			item = item " " (sub(/^Op /, "Oo ", parts[j]) ? parts[j] " Oc" : parts[j])
		print item
		print sentence(v[4])
		print_help(v[5])
	}
	print ".El"
}

function print_options(whose,	i, o)
{
	print ".Bl -tag -width Ds"
	for (i = 1; i <= options; i++) {
		split(option[i], o, FS)
		if (o[2] != whose)
			continue
		print ".It Fl " (o[3] == "-" ? "" : o[3] " , ") "-" plain(o[4]) \
			(o[5] == "-" ? "" : " Ns = Ns " value(o[5]))
		print sentence(o[6])
	}
	print ".El"
}

function print_checks(kind,	i, c)
{
	print ".Bl -tag -width connection -compact"
	for (i = 1; i <= checks; i++) {
		split(check[i], c, FS)
		if (c[2] != kind)
			continue
		print ".It Li " plain(c[3])
		print plain(c[4])
	}
	print ".El"
}

function print_stages(	i, s)
{
	print ".Bl -tag -width Ds"
	for (i = 1; i <= stages; i++) {
		split(stage[i], s, FS)
		gsub(/@/, "DEVICE", s[6])
		print ".It Li " plain(s[2]) " No (" (s[3] == "-" ? "any other errno" : s[3]) \
			", exit status " s[4] ")"
		print sentence(s[5])
		print sentence(s[6])
	}
	print ".El"
}

function print_metrics(	i, m)
{
	print ".Bl -tag -width Ds"
	for (i = 1; i <= metrics; i++) {
		split(metric[i], m, FS)
		print ".It Li " plain(m[2]) " No (" m[3] "; " m[4] ")"
		print sentence(m[5])
	}
	print ".El"
}

function print_head(	i, n, parts)
{
	print ".\\\" SPDX-License-Identifier: GPL-2.0-or-later"
	print ".\\\" Made from " verb ".in and the program's own tables."
	print date
	print ".Dt TSMCTL-" toupper(verb) " 8"
	print ".Os tsmctl @VERSION@"
	print ".Sh NAME"
	print ".Nm tsmctl-" verb
	print ".Nd " summary
	print ".Sh SYNOPSIS"
	print ".Nm tsmctl Cm " verb
	n = synopsis_parts(verb, synopsis, parts)
	for (i = 1; i <= n; i++)
		print "." parts[i]
	print ".Op Ar options"
	print ".Sh DESCRIPTION"
	print_help(help)
	fresh = 1
}

# The options end the description, before the template's own sections.
function end_description()
{
	if (own) {
		print ".Ss Options"
		print_options(verb)
	}
	print ".Ss Options for every verb"
	print_options("-")
	described = 1
}

FNR == NR && $1 == "verb" { row[++verbs] = $0 }
FNR == NR && $1 == "verb" && $2 == verb { synopsis = $3; summary = plain($4); help = $5; found = 1 }
FNR == NR && $1 == "option" { option[++options] = $0; own = own || $2 == verb }
FNR == NR && $1 == "check" { check[++checks] = $0 }
FNR == NR && $1 == "stage" { stage[++stages] = $0 }
FNR == NR && $1 == "metric" { metric[++metrics] = $0 }
FNR == NR { next }

verb != "" && /^\.\\"/ { next }
verb != "" && /^\.Dd / { date = $0; print_head(); next }
verb != "" && /^\.Sh / && !described { end_description() }
# the help is a paragraph of its own
fresh { if ($0 !~ /^([.](Pp|Ss|Sh|Bl|Bd)|@)/) print ".Pp"; fresh = 0 }
/^@verbs@$/ { print_verbs(); next }
/^@options@$/ { print_options("-"); next }
/^@checks / { sub(/^@checks /, ""); sub(/@$/, ""); print_checks($0); next }
/^@stages@$/ { print_stages(); next }
/^@metrics@$/ { print_metrics(); next }
{ print }

END {
	if (verb == "" ? !verbs : !found || !date || !described) {
		print "page.awk: there is no verb " verb ", or its template lacks .Dd or .Sh" > "/dev/stderr"
		exit 1
	}
}
