# SPDX-License-Identifier: GPL-2.0-or-later
# fish completion for tsmctl. Verbs, options, values and devices come from the program itself,
# so this file does not list them.

# DIRECTORY: prints the names in a directory of sysfs
function __tsmctl_names
    set -l sysfs /sys
    set -q SYSFS_PATH; and set sysfs $SYSFS_PATH
    for entry in $sysfs/$argv[1]/*
        string replace -r '.*/' '' -- $entry
    end
end

# KIND TEXT BEFORE: prints the values that TEXT may become, each with BEFORE in front
function __tsmctl_value
    set -l before $argv[3]
    set -l words
    switch $argv[1]
        case @file @directory
            for path in $argv[2]*
                test "$argv[1]" = @file; or test -d $path; or continue
                test -d $path; and set path $path/
                echo "$before$path"
            end
            return
        case @address
            set words (__tsmctl_names bus/pci/devices)
        case @tsm
            set words (__tsmctl_names class/tsm)
        case @driver
            set words (__tsmctl_names bus/pci/drivers)
        case @pid
            set words (tsmctl help owners 2> /dev/null)
        case '*'
            set words (string split -n '|' -- $argv[1])
    end
    # the value may be a list: complete the word after the last comma
    set -l done (string match -r '.*,' -- $argv[2])
    for word in $words
        echo "$before$done$word"
    end
end

function __tsmctl_words
    set -l tokens (commandline -opc)
    set -l current (commandline -ct)
    set -l tables (tsmctl help verbs 2> /dev/null)
    set -l verb
    for token in $tokens[2..]
        if not string match -q -- '-*' $token
            set verb $token
            break
        end
    end
    if test "$verb" = help
        test "$tokens[-1]" = help; and string split -f 1 \t -- $tables
        return
    else if test -z "$verb"
        string split -f 1 \t -- $tables
        echo help
        string split -n ' ' -- (string split -f 3 \t -- $tables[1])
        return
    end
    for line in $tables
        set -l fields (string split \t -- $line)
        test "$fields[1]" = "$verb"; or continue
        for value in (string split -n ' ' -- $fields[5])
            set -l parts (string split -m 1 = -- $value)
            if test "$parts[1]" = "$tokens[-1]"
                __tsmctl_value "$parts[2]" "$current" ''
                return
            else if string match -q -- "$parts[1]=*" $current
                __tsmctl_value "$parts[2]" (string replace -- "$parts[1]=" '' $current) "$parts[1]="
                return
            end
        end
        string split -n ' ' -- $fields[3]
        string split -n ' ' -- $fields[4] | string match -v -- @file
        contains -- @file (string split -n ' ' -- $fields[4]); and __tsmctl_value @file "$current" ''
        if test "$fields[2]" = device
            tsmctl help devices $verb "$current" 2> /dev/null
            echo all
        end
    end
end

complete -c tsmctl -f -a '(__tsmctl_words)'
