# SPDX-License-Identifier: GPL-2.0-only
# Completion of maze(1) in fish, with the words that `maze complete` prints.

function __maze_complete
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    set -l prefix (string match -r '^--[^=]*=' -- "$word")
    set -l value (string replace -r '^--[^=]*=' '' -- "$word")

    for line in ($words[1] complete -- $words[2..-1] "$word" 2>/dev/null)
        switch $line
            case :file
                __fish_complete_path "$value" | string replace -r -- '^' "$prefix"
            case :directory
                __fish_complete_directories "$value" | string replace -r -- '^' "$prefix"
            case ':command *'
                # maze complete counts from the word after "maze", and from 0.
                set -l first (math 2 + (string replace ':command ' '' -- $line))
                complete -C (string join ' ' -- (string escape -- $words[$first..-1]) "$word")
            case '*'
                echo "$prefix$line"
        end
    end
end

complete -c maze -f -a '(__maze_complete)'
