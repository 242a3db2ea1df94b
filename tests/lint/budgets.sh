#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Files of at most 500 lines in user/, bpf/ and include/; functions of at most 60 anywhere.
# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

file_limit=500
function_limit=60

while read -r count file; do
	[ "$file" = total ] || [ "$count" -le "$file_limit" ] ||
		finding "$file:$((file_limit + 1)): $count lines, more than $file_limit"
done < <(c_files user bpf include | xargs -r wc -l)

while IFS=: read -r file first last name; do
	[ -n "$last" ] || continue
	length=$((last - first + 1))
	[ "$length" -le "$function_limit" ] ||
		finding "$file:$first: $name has $length lines, more than $function_limit"
done < <(c_files user bpf include tests |
	xargs -r ctags -x --languages=C --langmap=C:.c.h --kinds-C=f --fields=+ne \
		-I 'SEC+,__always_inline,__noinline,__weak,__hidden' --_xformat='%F:%n:%e:%N')
exit "$status"
