# SPDX-License-Identifier: GPL-2.0-or-later
# page.awk: the man page of a verb, from "tsmctl help tables" and the verb's template.
#
#   awk -f page.awk -v verb=bind TABLES bind.in
#
# NAME, SYNOPSIS and the options come from the tables. The template has what goes
# under DESCRIPTION, then sections of its own, and may have lines with a mark:
#
#   @checks host@, @checks device@	the checks of doctor
#   @stages@	where the driver refuses a bind
#   @metrics@	what tsmctl metrics measures
#
# Fails if the tables have no such verb.

BEGIN { FS = "\t" }

# Text in a macro's arguments or at the start of a line.
function plain(text)
{
	gsub(/\\/, "\\e", text)
	gsub(/-/, "\\-", text)
	return text ~ /^[.']/ ? "\\&" text : text
}

function sentence(text)
{
	return plain(toupper(substr(text, 1, 1)) substr(text, 2)) (text ~ /[.]$/ ? "" : ".")
}

# A value is written small, unless it shows how it is written, as tsmN and 0xNUMBER do.
function value(text)
{
	return "Ar " (text ~ /[a-z]/ ? text : tolower(text))
}

# One word of a synopsis: --option, word|word, DEVICE...
function word(text,	n, i, parts, rest, out, last)
{
	if (text ~ /^--/)
		return "Fl -" plain(substr(text, 3))
	rest = text ~ /[.][.][.]$/ ? " ..." : ""
	sub(/[.][.][.]$/, "", text)
	n = split(text, parts, "|")
	for (i = 1; i <= n; i++) {
		if (i > 1)
			out = out " | "
		out = out (parts[i] ~ /[A-Z]/ ? value(parts[i]) : "Cm " parts[i])
	}
	return out rest
}

function words(text,	n, i, parts, out)
{
	n = split(text, parts, " ")
	for (i = 1; i <= n; i++)
		out = out (i > 1 ? " " : "") word(parts[i])
	return out
}

function print_synopsis(text,	group)
{
	while (text != "") {
		sub(/^ +/, "", text)
		if (text ~ /^\[/) {
			group = substr(text, 2, index(text, "]") - 2)
			text = substr(text, index(text, "]") + 1)
			print ".Op " words(group)
		} else {
			group = text
			sub(/ .*/, "", group)
			text = substr(text, length(group) + 1)
			print "." words(group)
		}
	}
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

function print_head(	i, o)
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
	print_synopsis(synopsis)
	for (i = 1; i <= options; i++) {
		split(option[i], o, FS)
		if (o[2] == verb && index(synopsis, "--" o[4]) == 0)
			print ".Op Fl -" plain(o[4]) (o[5] == "-" ? "" : " " value(o[5]))
	}
	print ".Op Ar options"
	print ".Sh DESCRIPTION"
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

FNR == NR && $1 == "verb" && $2 == verb { synopsis = $3; summary = plain($4); found = 1 }
FNR == NR && $1 == "option" { option[++options] = $0; own = own || $2 == verb }
FNR == NR && $1 == "check" { check[++checks] = $0 }
FNR == NR && $1 == "stage" { stage[++stages] = $0 }
FNR == NR && $1 == "metric" { metric[++metrics] = $0 }
FNR == NR { next }

/^\.\\"/ { next }
/^\.Dd / { date = $0; print_head(); next }
/^\.Sh / && !described { end_description() }
/^@checks / { sub(/^@checks /, ""); sub(/@$/, ""); print_checks($0); next }
/^@stages@$/ { print_stages(); next }
/^@metrics@$/ { print_metrics(); next }
{ print }

END {
	if (!found || !date || !described) {
		print "page.awk: there is no verb " verb ", or its template lacks .Dd or .Sh" > "/dev/stderr"
		exit 1
	}
}
