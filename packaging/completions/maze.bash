# SPDX-License-Identifier: GPL-2.0-only
# Completion of maze(1) in bash, with the words that `maze complete` prints.
# shellcheck shell=bash

_maze() {
	local cur=${COMP_WORDS[COMP_CWORD]} line first

	[[ $cur != = ]] || cur=
	COMPREPLY=()
	while IFS= read -r line; do
		case $line in
		:file) compopt -o default ;;
		:directory) compopt -o dirnames ;;
		:command\ *)
			# maze complete counts from the word after "maze".
			first=$((${line#* } + 1))
			if declare -F _command_offset > /dev/null; then
				_command_offset "$first"
			elif ((first < COMP_CWORD)); then
				compopt -o default
			else
				mapfile -t COMPREPLY < <(compgen -c -- "$cur")
			fi
			;;
		"$cur"*) COMPREPLY+=("${line%%$'\t'*}") ;;
		esac
	done < <("$1" complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2> /dev/null)
}
complete -F _maze maze
