# SPDX-License-Identifier: GPL-2.0-or-later
# abi.awk: a man page from a template and the descriptions of the kernel's ABI.
#
#   awk -f mdoc.awk -f abi.awk ABI... TEMPLATE
#
# The format of ABI files is that of Documentation/ABI in Linux. The template is a page. It
# may have lines with a mark:
#
#   @/PATH@	the description of one file or directory
#   @/PATH/*@	a list of all files and directories right in a directory, in the order of the
#		ABI, without those that have a mark of their own
#
# Paragraphs, lists with "- " and simple tables of words are kept. These words become macros:
# "quoted", names of files with an underscore, errnos, other words in capitals with an
# underscore, signals, page(2). Date, version and contact are left out.
#
# Fails if a mark has no description, or a description no mark.

function fail(text)
{
	print "abi.awk: " text > "/dev/stderr"
	exit 1
}

# The macro for a word, or "" if it is only text.
function macro(word)
{
	if (word ~ /^".+"$/)
		return "Li " plain(substr(word, 2, length(word) - 2))
	if (word ~ /^[a-z_]+\([1-9]\)$/)
		return "Xr " substr(word, 1, length(word) - 3) " " substr(word, length(word) - 1, 1)
	if (word ~ /^[a-z_]+\(\)$/)
		return "Fn " substr(word, 1, length(word) - 2)
	if (word ~ /^E[A-Z]+$/ && word !~ /^ERROR$/)
		return "Er " word
	if (word ~ /^(SIG[A-Z]+|POLL[A-Z]+|[A-Z]+_[A-Z_]+)$/)
		return "Dv " word
	if (word ~ /^\/|^[a-z]+\/$/ || (word ~ /_/ && word in is_name))
		return "Pa " plain(word)
	return ""
}

function end_line()
{
	if (line != "")
		print line ~ /^[.']/ ? "\\&" line : line
	line = ""
}

# Text: a sentence a line, and a line for each macro.
function print_text(text,	n, i, words, word, open, close_, m)
{
	n = split(text, words, " ")
	for (i = 1; i <= n; i++) {
		word = words[i]
		open = close_ = ""
		while (word ~ /^\(/) {
			open = open "( "
			word = substr(word, 2)
		}
		while (word ~ /[.,:;]$/ || (word ~ /\)$/ && word !~ /\([1-9]?\)$/)) {
			close_ = " " substr(word, length(word)) close_
			word = substr(word, 1, length(word) - 1)
		}
		m = macro(word)
		if (m != "") {
			end_line()
			print "." (open == "" ? m : substr(m, 1, 2) " " open substr(m, 4)) close_
			continue
		}
		gsub(/\\/, "\\e", words[i])
		line = line (line == "" ? "" : " ") words[i]
		if (words[i] ~ /[.][)]?$/)
			end_line()
	}
	end_line()
}

# Rows of "=== ===" or of "- ". Text that goes on is indented.
function print_list(text, table,	n, i, rows, key, item)
{
	n = split(text, rows, "\n")
	if (!table) {
		print ".Bl -bullet -compact"
	} else {
		match(text, /^=+/)
		print ".Bl -tag -width " RLENGTH "n -compact"
	}
	for (i = 1; i <= n; i++) {
		if (rows[i] ~ /^==/)
			continue
		if (rows[i] ~ /^[^ \t]/) {
			print_text(item)
			match(rows[i], /^[^ \t]*[ \t]*/)
			key = substr(rows[i], 1, RLENGTH)
			sub(/[ \t]+$/, "", key)
			print !table ? ".It" : ".It " (key ~ /^E[A-Z]+$/ ? "Er " : key ~ /^[A-Z_]+$/ ? "Ev " : "Li ") plain(key)
			item = substr(rows[i], RLENGTH + 1)
		} else {
			item = item " " rows[i]
		}
	}
	print_text(item)
	print ".El"
}

function print_description(path,	n, i, parts, table)
{
	n = split(description[path], parts, "\n\n")
	for (i = 1; i <= n; i++) {
		sub(/^\((RO|RW)\) /, "", parts[i])
		table = parts[i] ~ /^===/
		if (table || parts[i] ~ /^- /) {
			print_list(parts[i], table)
			continue
		}
		if (i > 1)
			print ".Pp"
		gsub(/\n/, " ", parts[i])
		print_text(parts[i])
	}
}

# The name of a file in a directory, or "" if it is not right in it.
function name_in(dir, path,	name)
{
	name = substr(path, length(dir) + 1)
	return index(path, dir) == 1 && name ~ /^[^\/]+\/?$/ ? name : ""
}

function print_files(dir,	i, found, n, j, paths, names, access)
{
	print ".Bl -tag -width Ds"
	for (i = 1; i <= entries; i++) {
		if (entry[i] in marked || name_in(dir, entry[i]) == "")
			continue
		n = split(more[entry[i]], paths, " ")
		names = plain(name_in(dir, entry[i]))
		for (j = 1; j <= n; j++)
			names = names " , " plain(name_in(dir, paths[j]))
		access = substr(description[entry[i]], 1, 4)
		print ".It Pa " names (access == "(RW)" ? " No (read, write)" : access == "(RO)" ? " No (read)" : "")
		print_description(entry[i])
		done[entry[i]] = found = 1
	}
	print ".El"
	if (!found)
		fail("nothing is in " dir)
}

{ abi = FILENAME != ARGV[ARGC - 1] }
abi && /^What:/ { entry[++entries] = path = $2 }
abi && /^[^\t]/ { section = $1 }
# What: can have more than one path.
abi && section == "What:" {
	name = $NF
	sub(/^.*\//, "", name)
	is_name[name]
	if ($1 != "What:")
		more[path] = more[path] " " $1
}
abi && section == "Description:" && !/^[^\t]/ {
	sub(/^\t\t/, "")
	description[path] = description[path] (description[path] == "" ? "" : "\n") $0
}
abi { next }

{ page[++lines] = $0 }
/^@\/.*[^*]@$/ { marked[substr($0, 2, length($0) - 2)] }

END {
	for (i = 1; i <= entries; i++)
		sub(/\n+$/, "", description[entry[i]])
	for (i = 1; i <= lines; i++) {
		mark = page[i] ~ /^@\/.*@$/ ? substr(page[i], 2, length(page[i]) - 2) : ""
		if (mark ~ /\*$/) {
			print_files(substr(mark, 1, length(mark) - 1))
		} else if (mark != "") {
			if (!(mark in description))
				fail("the ABI has no " mark)
			print_description(mark)
			done[mark] = 1
		} else {
			print page[i]
		}
	}
	for (i = 1; i <= entries; i++)
		if (!(entry[i] in done))
			fail("the page has no " entry[i])
}
