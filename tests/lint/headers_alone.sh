#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Each header of user/ and include/ compiles alone; those of include/ in BPF code too.
# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

# alone HEADER COMPILER FLAG...: what the compiler says about a file that includes only HEADER
alone() {
	local header=$1 line
	shift
	while read -r line; do
		finding "$line (header alone)"
	done < <(printf '%s#include "%s"\n' "$prologue" "$header" |
		"$@" -fsyntax-only -Wno-unused-function -x c - 2>&1 |
		sed -n 's/^\([^:]*:[0-9]*\):[0-9]*: \(fatal error\|error\|warning\): /\1: /p' |
		sed "s|^<stdin>|$header|" | sort -u)
}

prologue=
while read -r header; do
	alone "$header" gcc "${user_flags[@]}" -I.
done < <(c_files user include | grep '\.h$')

if [ -e vmlinux/vmlinux.h ]; then
	prologue=$'#include "vmlinux.h"\n'
	while read -r header; do
		alone "$header" clang "${bpf_flags[@]}" -I.
	done < <(c_files include | grep '\.h$')
fi
exit "$status"
