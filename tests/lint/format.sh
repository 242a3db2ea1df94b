#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# C is laid out as .clang-format says.
# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

while read -r line; do
	finding "$line: not laid out as .clang-format says: clang-format -i ${line%%:*}"
done < <(c_files bpf include user tests |
	xargs -r clang-format --dry-run --ferror-limit=1 -Werror 2>&1 |
	sed -n 's/^\([^:]*:[0-9]*\):[0-9]*: error:.*/\1/p' | sort -u)
exit "$status"
