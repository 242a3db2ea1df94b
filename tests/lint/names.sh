#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# user/foo.c and user/foo_bar.c export only foo_*; names of BPF programs and maps fit the kernel.
# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

kernel_name_limit=15

# has_stem NAME FILE: NAME begins with the file's stem or with one of its first parts
has_stem() {
	local stem
	stem=$(basename "$2" .c)
	while :; do
		[ "${1#"${stem}"_}" = "$1" ] && [ "$1" != "$stem" ] || return 0
		[ "${stem%_*}" != "$stem" ] || return 1
		stem=${stem%_*}
	done
}

while IFS=: read -r file line name; do
	case $name in main | LLVMFuzzerTestOneInput) continue ;; esac
	has_stem "$name" "$file" || finding "$file:$line: exports $name, which is not $(basename "$file" .c)_*"
done < <(c_files user | grep '\.c$' |
	xargs -r ctags -x --languages=C --kinds-C=f --extras=-F --_xformat='%F:%n:%N')

# file:line:name of every program and map that the BPF sources declare
kernel_names() {
	# shellcheck disable=SC2016 # the fields are those of awk
	c_files bpf | xargs -r awk '
		function report(name) { print FILENAME ":" FNR ":" name }
		FNR == 1 { pending = 0 }
		match($0, /[A-Za-z0-9_]+[ \t]+SEC\("\.maps"\)/) {
			split(substr($0, RSTART, RLENGTH), part, /[ \t]/)
			report(part[1])
			next
		}
		/^SEC\("(xdp|tc|classifier|action|iter|syscall|socket|freplace)/ {
			pending = 1
			sub(/^SEC\("[^"]*"\)/, "")
		}
		pending && match($0, /[A-Za-z0-9_]+\(/) {
			report(substr($0, RSTART, RLENGTH - 1))
			pending = 0
		}'
}

while IFS=: read -r file line name; do
	[ ${#name} -le "$kernel_name_limit" ] ||
		finding "$file:$line: kernel name $name has more than $kernel_name_limit characters"
done < <(kernel_names)

# The object knows the names that macros make.
object=build/natgw.bpf.o
if [ -e "$object" ]; then
	while read -r name; do
		finding "$object:1: kernel name $name has more than $kernel_name_limit characters"
	done < <(llvm-readelf -sW "$object" | awk -v limit="$kernel_name_limit" '
		$5 == "GLOBAL" && ($4 == "FUNC" || $4 == "OBJECT") && length($8) > limit && $8 !~ /^LICENSE/ {
			print $8
		}')
fi
exit "$status"
