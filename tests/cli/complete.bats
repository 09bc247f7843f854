# SPDX-License-Identifier: GPL-2.0-only
# Completion: the words that `maze complete` prints, and completion in each shell.

bats_require_minimum_version 1.5.0
load test_helper

setup_file() {
	export INCIDENTS=$BATS_FILE_TMPDIR/incidents
	"$BATS_TEST_DIRNAME/../incidents/write" "$INCIDENTS" > /dev/null
}

setup() {
	completions=$BATS_TEST_DIRNAME/../../packaging/completions
	LOOP=20261124T204512Z-4711-4713-0
	export HOME=$BATS_TEST_TMPDIR XDG_DATA_HOME=$BATS_TEST_TMPDIR
	PATH=$(dirname "$(realpath "$MAZE")"):$PATH
}

# The words for a command line, without descriptions.
words() { "$MAZE" complete -- "$@" | cut -f 1; }

has() { grep -qxF -e "$1" <<< "$output" || { echo "no $1 in: $output"; return 1; }; }
lacks() { ! grep -qx -e "$1" <<< "$output" || { echo "$1 in: $output"; return 1; }; }

# compopt works only while readline completes, so a function takes its place.
in_bash() {
	run -0 bash --norc -c '
		. "$0"/maze.bash
		compopt() { echo "compopt $*"; }
		COMP_WORDS=("$@")
		COMP_CWORD=$(($# - 1))
		_maze maze
		printf "%s\n" "${COMPREPLY[@]}"' "$completions" "$@"
}

in_fish() {
	needs_program fish
	# shellcheck disable=SC2016 # for fish
	run -0 fish --no-config -c 'source $argv[1]/maze.fish; complete -C $argv[2]' "$completions" "$1"
}

# The line after a press of tab, into $output. `timeout`, so that a test cannot hang.
in_zsh() {
	needs_program zsh
	# shellcheck disable=SC2016 # for zsh
	run -0 timeout 60 zsh -f -c '
		zmodload zsh/zpty
		zpty shell zsh -f -i
		zpty -w shell "PS1=; fpath=(${(q)1} \$fpath); autoload -Uz compinit; compinit -u -D
			complete_and_show() { zle complete-word; print -r -- \"<\$BUFFER>\"; BUFFER=; }
			zle -N complete_and_show; bindkey ^I complete_and_show; print rea\"\"dy"
		zpty -r shell output "*ready*"
		zpty -n -w shell "$2"$'\''\t'\''
		zpty -r shell output "*<maze*>*"
		print -r -- "${${output##*<}%%>*}"' zsh "$completions" "$1"
}

@test "commands and options complete" {
	output=$(words '')
	has watch
	has report
	lacks service
	lacks complete
	output=$(words run --)
	has --soft
	has --incidents
	has --help
	output=$(words list --)
	has --json
	lacks --soft
}

@test "arguments of options complete" {
	[ "$(words list --engine '')" = $'auto\nbpf\nkmod\npoll' ]
	[ "$(words run --yield=)" = $'reset\ncount' ]
	[ "$(words run --recovery '')" = inf ]
	[ "$(words run --events '')" = :file ]
	[ "$(words run --incidents '')" = :directory ]
	[ -z "$(words run --soft '')" ]
	output=$(words run --soft-signal S)
	has KILL
	has warn
	output=$(words run --hard-signal sig)
	has SIGRTMIN+1
}

@test "a command line to execute is left to the shell" {
	[ "$(words run '')" = ':command 1' ]
	[ "$(words run --soft 1s -- ls -)" = ':command 4' ]
	[ "$(words run ls --soft '')" = ':command 1' ]
}

@test "processes complete, except kernel threads" {
	start sleep 60
	run -0 "$MAZE" complete -- watch "$last" ''
	has "$last"$'\t'sleep
	lacks $'1\t.*'
	lacks $'.*\tkthreadd'
	run -0 "$MAZE" complete -- thaw --socket x ''
	has "$last"$'\t'sleep
	run -0 "$MAZE" complete -- why --for 1s ''
	has "$last"$'\t'sleep
	run -0 "$MAZE" complete -- doctor ''
	has "$last"$'\t'sleep
}

@test "a plain user gets only processes of that user" {
	needs_root 'become another user'
	start sleep 60
	for_everyone
	run -0 as_user_with '' "$public/maze" complete -- watch ''
	lacks "$last.*"
}

@test "incidents complete, from the directory of the command line" {
	output=$(words report --incidents "$INCIDENTS/good" '')
	has last
	has "$LOOP"
	output=$(words report --html "--incidents=$INCIDENTS/good" '')
	has "$LOOP"
	output=$(HOME=$INCIDENTS words report --incidents '~/good' '')
	has "$LOOP"
	[ -z "$(words report last '')" ]
}

@test "bash completes" {
	in_bash maze repo
	[ "$output" = report ]
	in_bash maze run --hard-signal K
	[ "$output" = KILL ]
	in_bash maze run --hard-signal = K
	[ "$output" = KILL ]
	in_bash maze run --yield =
	[ "$output" = $'reset\ncount' ]
	in_bash maze report --incidents "$INCIDENTS/good" "${LOOP%-0}"
	[ "$output" = "$LOOP" ]
	in_bash maze run --events ''
	has 'compopt -o default'
	in_bash maze run -- mktem
	has mktemp
	in_bash maze run -- cat ''
	has 'compopt -o default'
}

@test "fish completes" {
	in_fish 'maze repo'
	[ "$output" = $'report\tshow an incident' ]
	in_fish 'maze run --hard-signal K'
	[ "$output" = $'KILL\tKilled' ]
	in_fish 'maze run --hard-signal=K'
	[ "$output" = $'--hard-signal=KILL\tKilled' ]
	in_fish "maze report --incidents $INCIDENTS/good ${LOOP%-0}"
	[ "$output" = "$LOOP" ]
	in_fish "maze run --events=$INCIDENTS/goo"
	[[ $output == "--events=$INCIDENTS/good/"* ]]
	in_fish "maze run --incidents $INCIDENTS/goo"
	[[ $output == "$INCIDENTS/good/"* ]]
	in_fish 'maze run -- mktem'
	[[ $output == mktemp* ]]
	start sleep 60
	in_fish "maze watch $last"
	[ "$output" = "$last"$'\t'sleep ]
}

@test "zsh completes" {
	in_zsh 'maze repo'
	[ "$output" = 'maze report ' ]
	in_zsh 'maze run --hard-signal K'
	[ "$output" = 'maze run --hard-signal KILL ' ]
	in_zsh 'maze run --hard-signal=K'
	[ "$output" = 'maze run --hard-signal=KILL ' ]
	in_zsh "maze report --incidents $INCIDENTS/good ${LOOP%-0}"
	[ "$output" = "maze report --incidents $INCIDENTS/good $LOOP " ]
	in_zsh "maze run --events=$INCIDENTS/goo"
	[ "$output" = "maze run --events=$INCIDENTS/good/" ]
	in_zsh 'maze run -- mktem'
	[ "$output" = 'maze run -- mktemp ' ]
}
