#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Every shell script passes shellcheck, every Python file compiles.
# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

mapfile -t scripts < <(tree_files -size -200k | while read -r file; do
	case $(head -c 40 "$file" | tr -d '\0') in
	'#!/bin/bash'* | '#!/bin/sh'* | '#!/usr/bin/env bash'*) echo "$file" ;;
	'# shellcheck shell='*) echo "$file" ;;
	esac
done)
while read -r line; do
	finding "$line"
done < <([ ${#scripts[@]} = 0 ] || shellcheck -x -f gcc "${scripts[@]}" | sed 's/^\([^:]*:[0-9]*\):[0-9]*:/\1:/')

while read -r file; do
	error=$(/usr/bin/python3 -c 'import sys
try:
    compile(open(sys.argv[1], encoding="utf-8").read(), sys.argv[1], "exec")
except SyntaxError as error:
    print("%s:%s: %s" % (sys.argv[1], error.lineno, error.msg))' "$file")
	[ -z "$error" ] || finding "$error"
done < <(tree_files -name '*.py')
exit "$status"
