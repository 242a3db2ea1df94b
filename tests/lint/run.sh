#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# make lint: runs every check, two at a time, prints what they find and sums up. A check ends with
# status 0 and no line, or with status 1 and one line `file:line: what` per finding.
set -eu
cd "$(dirname "$0")/../.."

[ ! -e Makefile ] || make -s build/natgw.skel.h

checks=(
	tidy.sh cppcheck.sh format.sh shell.sh sparse.sh headers_alone.sh deps.sh budgets.sh names.sh
	words.sh requirements.py test_lint.sh test_run.sh
)
output=$(mktemp -d)
trap 'rm -rf "$output"' EXIT

run_check() {
	local result=0
	"tests/lint/$1" >"$output/$1" 2>&1 </dev/null || result=$?
	echo "$result" >"$output/$1.status"
}

for check in "${checks[@]}"; do
	while [ "$(jobs -rp | wc -l)" -ge 2 ]; do
		wait -n || true
	done
	run_check "$check" &
done
wait

findings=0
for check in "${checks[@]}"; do
	result=$(cat "$output/$check.status")
	count=$(wc -l <"$output/$check")
	# A check that fails without a word, or speaks without failing, is broken itself.
	if [ "$result" -gt 1 ] || { [ "$result" = 1 ] && [ "$count" = 0 ]; }; then
		echo "tests/lint/$check:1: the check itself failed with status $result" >>"$output/$check"
		count=$((count + 1))
	fi
	[ "$count" = 0 ] || sed "s|\$| [${check%.*}]|" "$output/$check"
	findings=$((findings + count))
done

echo "lint: ${#checks[@]} checks, $findings findings"
[ "$findings" = 0 ]
