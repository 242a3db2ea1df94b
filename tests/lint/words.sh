#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Words that no file may have (paths and hosts of the machine it was written on, unfinished work),
# the licence line that every source has, and names in C that the glossary forbids.
# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

# The patterns are written so that they do not match themselves.
machine='(^|[^A-Za-z0-9_.])/([w]ork|[f]arm)/|[d]eb\.debian\.org|[r]egistry\.npmjs|[p]ypi\.org'
unfinished='\b([T]ODO|[F]IXME|[X]XX)\b'

mapfile -t files < <(tree_files)
while IFS=: read -r file line _; do
	finding "$file:$line: path or host of a machine"
done < <(grep -nIHE "$machine" "${files[@]}" || true)
while IFS=: read -r file line _; do
	finding "$file:$line: unfinished work"
done < <(grep -nIHE "$unfinished" "${files[@]}" || true)

while read -r file; do
	head -n 3 "$file" | grep -q 'SPDX-License-Identifier: ' ||
		finding "$file:1: no SPDX-License-Identifier in the first lines"
done < <(tree_files \( -name '*.[ch]' -o -name '*.sh' -o -name '*.py' \) -size +0)

# Names in C: comments and strings may speak of other systems in their words.
while read -r line; do
	finding "$line"
done < <(c_files user bpf include | xargs -r /usr/bin/python3 "$lint/names_in_c.py")
exit "$status"
