# SPDX-License-Identifier: GPL-2.0-or-later
# fish completion for tsmctl. Verbs, options and values come from the program itself,
# so this file need not know them.

function __tsmctl_words
    set -l tokens (commandline -opc)
    set -l tables (tsmctl help verbs 2> /dev/null)
    set -l verb
    for token in $tokens[2..]
        if not string match -q -- '-*' $token
            set verb $token
            break
        end
    end
    if test -z "$verb"; or test "$verb" = help
        for line in $tables
            string split -f 1 \t -- $line
        end
        test "$verb" = help; or echo help
        string split -n ' ' -- (string split -f 3 \t -- $tables[1])
        return
    end
    for line in $tables
        set -l fields (string split \t -- $line)
        test "$fields[1]" = "$verb"; or continue
        string split -n ' ' -- $fields[3] $fields[4]
        if test "$fields[2]" = device
            for device in /sys/bus/pci/devices/*
                basename $device
            end
            echo all
        end
    end
end

complete -c tsmctl -f -a '(__tsmctl_words)'
