#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# cppcheck on both sides; the macros it cannot know are given to it. It does not know the cleanup
# attribute either: leaks are left to the address sanitizer. Formats are left to the
# compilers, which know the types.
# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

cppcheck_run() {
	nice cppcheck --quiet --std=c11 --inline-suppr --enable=warning,performance,portability \
		--suppress=missingIncludeSystem --suppress=memleak --suppress=resourceLeak \
		--suppress=arithOperationsOnVoidPointer --suppress=invalidPrintfArgType_uint \
		--suppress=invalidPrintfArgType_sint \
		--suppress='*:build/*' --suppress='*:vmlinux/*' \
		--template='{file}:{line}: {message} [{id}]' -Iinclude -D_GNU_SOURCE \
		-D'SEC(x)=' -D'LIBBPF_OPTS(t,n,...)=struct t n' \
		-D'DECLARE_LIBBPF_OPTS(t,n,...)=struct t n' \
		-D'DECLARE_LIBXDP_OPTS(t,n,...)=struct t n' "$@" 2>&1
}

mapfile -t user_sources < <(c_files user | grep '\.c$')
mapfile -t bpf_sources < <(c_files bpf | grep '\.c$')
while read -r line; do
	finding "$line"
done < <({
	[ ${#user_sources[@]} = 0 ] || cppcheck_run -j 2 -Iuser "${user_sources[@]}"
	[ ${#bpf_sources[@]} = 0 ] || cppcheck_run -Ibpf -Ivmlinux -D__always_inline=inline \
		-D__weak= -D__TARGET_ARCH_x86 "${bpf_sources[@]}"
} | grep -E '^[^ ]+:[0-9]+: ' | sort -u)
exit "$status"
