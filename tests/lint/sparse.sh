#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Byte order in BPF code: sparse with a variant of vmlinux.h whose __be types are bitwise, so that
# network order where host order belongs is a finding.
# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

[ -e vmlinux/vmlinux.h ] || exit 0
variant=$(mktemp -d)
trap 'rm -rf "$variant"' EXIT
sed -E 's/^typedef (__u(16|32|64)) (__be(16|32|64)|__sum16|__wsum);/typedef \1 __attribute__((bitwise)) \3;/' \
	vmlinux/vmlinux.h >"$variant/vmlinux.h"
grep -q bitwise "$variant/vmlinux.h" || finding "vmlinux/vmlinux.h:1: no typedef of __be16 to mark"

while read -r file; do
	while read -r line; do
		finding "$line"
	done < <(sparse -Wbitwise -Wno-decl -Wno-cast-truncate -Wno-constant-suffix -m64 \
		-D__TARGET_ARCH_x86 -D__bpf__ "-I$variant" -Iinclude -Ibpf "$file" 2>&1 |
		sed -n 's/^\([^: ]*:[0-9]*\):[0-9]*: \(error\|warning\): /\1: /p' | sort -u)
done < <(c_files bpf | grep '\.bpf\.c$')
exit "$status"
