# SPDX-License-Identifier: GPL-2.0-or-later
# mdoc.awk: what abi.awk and page.awk share. Give it to awk before one of them.

# Text at the start of a line or in a macro's arguments, as text alone. A word of two or three
# letters may be the name of a macro.
function plain(text)
{
	gsub(/\\/, "\\e", text)
	gsub(/-/, "\\-", text)
	return text ~ /^([.']|[A-Z%][A-Za-z][A-Za-z]?$)/ ? "\\&" text : text
}
