#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# clang-tidy with .clang-tidy; two files at a time.
# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

# Off: reserved names (those of user/cleanup.h and of the kernel) and their aliases; every unused
# result of printf and its like; leaks, because clang 14 does not model the cleanup attribute (the
# address sanitizer finds them).
common=-cert-dcl37-c,-cert-dcl51-cpp,-bugprone-reserved-identifier
common+=,-cert-err33-c,-clang-analyzer-unix.Malloc
# Packet access turns the integers of the context into pointers; maps and sections are globals.
bpf="$common,-performance-no-int-to-ptr,-misc-definitions-in-headers,-clang-analyzer-*"

output=$(mktemp -d)
trap 'rm -rf "$output"' EXIT

# tidy CHECKS HEADERS FLAG... : reads file names, leaves what clang-tidy says in $output
tidy() {
	local checks=$1 headers=$2
	shift 2
	export output
	# shellcheck disable=SC2016 # expanded by the inner shell
	xargs -r -P 2 -n 1 bash -c '
		file=${*: -1}
		nice clang-tidy --quiet "$1" "$2" "$file" -- "${@:3:$#-3}" \
			>"$output/${file//\//_}" 2>/dev/null || :' \
		tidy "--checks=$checks" "--header-filter=$headers" "$@"
}

c_files user | grep '\.c$' |
	tidy "$common" '(user|include)/.*' -include "$lint/errno_positive.h" "${user_flags[@]}"
c_files tests | grep '\.c$' |
	tidy "$common,-performance-no-int-to-ptr" 'tests/.*' -include "$lint/errno_positive.h" "${test_flags[@]}"
c_files bpf | grep '\.bpf\.c$' |
	tidy "$bpf" '(bpf|include)/.*' "${bpf_flags[@]}"

while read -r line; do
	finding "$line"
done < <(cat "$output"/* 2>/dev/null |
	sed -nE "s|^$PWD/||; s/,-warnings-as-errors//; s/^([^: ]+:[0-9]+):[0-9]+: (error|warning): /\1: /p
		s/^([^: ]+:[0-9]+):[0-9]+: note: (nesting level|[0-9]+ lines)/\1: \2/p
		s|^error: |tests/lint/tidy.sh:1: |p" | sort -u)
exit "$status"
