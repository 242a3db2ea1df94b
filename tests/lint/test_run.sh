#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The test of the test runner: in a tree of fake programs it must count what passed, and name what
# failed, crashed, did not start, ran nothing, was skipped without leave or left something behind.
set -eu
cd "$(dirname "$0")/../.."

# Namespaces and pins that others make meanwhile are none of this test's business: it looks at
# empty folders of its own.
isolated=${1:-}
if [ -z "$isolated" ] && [ "$(id -u)" = 0 ]; then
	exec unshare --mount --propagation private "$0" isolated
fi
if [ -n "$isolated" ]; then
	mkdir -p /run/netns
	mount -t tmpfs none /run/netns
	mount -t tmpfs none /sys/fs/bpf
fi

tree=$(mktemp -d /tmp/natgw-test-run.XXXXXX)
trap 'rm -rf "$tree"' EXIT
bad=0

finding() {
	echo "tests/run.py:1: $1"
	bad=1
}

new_tree() {
	rm -rf "${tree:?}"/*
	mkdir -p "$tree/tests/netns" "$tree/build/tests/unit" "$tree/build/tests/bpf"
	cp tests/run.sh tests/run.py "$tree/tests/"
	cp tests/netns/pytest.ini "$tree/tests/netns/"
	printf 'def test_fine():\n    pass\n' >"$tree/tests/netns/test_fine.py"
}

# program TIER NAME: a program that prints what comes on standard input, as a shell script
program() {
	{
		echo '#!/bin/bash'
		cat
	} >"$tree/build/tests/$1/$2"
	chmod +x "$tree/build/tests/$1/$2"
}

# cmocka TIER NAME RESULT...: a program that prints like cmocka and reports these results
cmocka() {
	local tier=$1 name=$2 number=0 result
	shift 2
	{
		echo "echo '[==========] Running $# test(s).'"
		for result in "$@"; do
			number=$((number + 1))
			echo "echo '[ RUN      ] test_$number'"
			case $result in
			ok) echo "echo '[       OK ] test_$number'" ;;
			skip) echo "echo '[  SKIPPED ] test_$number'" ;;
			failed) echo "echo 'no newline[  FAILED  ] test_$number'" ;;
			crash) echo "kill -SEGV \$\$" ;;
			esac
		done
		echo "echo '[==========] $# test(s) run.'"
		echo "echo '[  FAILED  ] 1 test(s), listed below:'"
		echo "echo '[  FAILED  ] test_1'"
		echo 'true'
	} | program "$tier" "$name"
}

# expect STATUS LAST-LINE [TEXT...]: runs the tree and compares
expect() {
	local wanted_status=$1 wanted_line=$2 status=0 text
	shift 2
	"$tree/tests/run.sh" >"$tree/out" 2>&1 || status=$?
	[ "$status" = "$wanted_status" ] || finding "$wanted_line: status $status, not $wanted_status"
	[ "$(tail -n 1 "$tree/out")" = "$wanted_line" ] ||
		finding "last line is '$(tail -n 1 "$tree/out")', not '$wanted_line'"
	for text in "$@"; do
		grep -qF -- "$text" "$tree/out" || finding "does not say '$text'"
	done
}

new_tree
cmocka unit test_a ok ok
cmocka bpf test_b ok
expect 0 '4 passed, 0 failed, 0 skipped'

cmocka bpf test_b ok failed ok
expect 1 '5 passed, 1 failed, 0 skipped' 'FAILED tests/bpf/test_b.c::test_2: failed'

cmocka bpf test_b ok crash ok
expect 1 '4 passed, 1 failed, 0 skipped' 'test_b.c::test_2: ended by signal SIGSEGV'

cmocka bpf test_b ok skip
expect 1 '4 passed, 1 failed, 0 skipped' 'skipped, but not listed'
printf '# why\ntests/bpf/test_b.c::*: no such device here\n' >"$tree/tests/expected_skips"
expect 0 '4 passed, 0 failed, 1 skipped' 'SKIPPED tests/bpf/test_b.c::test_2: no such device here'
echo 'tests/bpf/*' >"$tree/tests/expected_skips"
expect 1 '4 passed, 2 failed, 0 skipped' 'tests/expected_skips:1'
rm "$tree/tests/expected_skips"

cmocka bpf test_b
expect 1 '3 passed, 1 failed, 0 skipped' 'test_b.c: ran no test'

echo 'echo "[==========] Running 3 test(s)."; exit 0' | program bpf test_b
expect 1 '3 passed, 1 failed, 0 skipped' 'announced 3 tests, ran 0'

cmocka bpf test_b ok
echo 'exit 23' >>"$tree/build/tests/bpf/test_b"
expect 1 '4 passed, 1 failed, 0 skipped' 'exit status 23'

echo 'not a program' >"$tree/build/tests/bpf/test_b"
expect 1 '3 passed, 1 failed, 0 skipped' 'does not start'
chmod -x "$tree/build/tests/bpf/test_b"
expect 1 '3 passed, 1 failed, 0 skipped' 'does not start'
rm "$tree/build/tests/bpf/test_b"

mkdir -p "$tree/tests/unit"
touch "$tree/tests/unit/test_c.c"
expect 1 '3 passed, 1 failed, 0 skipped' 'test_c.c: not built'
rm "$tree/tests/unit/test_c.c"

cat >"$tree/tests/netns/test_more.py" <<'PYTHON'
import pytest


def test_bad():
    assert False


def test_skipped():
    pytest.skip("nothing to test")


@pytest.mark.long
def test_long():
    assert False


@pytest.fixture
def broken_end():
    yield
    assert False, "not tidy"


class TestInside:
    @pytest.mark.parametrize("mode", ["xdp", "tc"])
    def test_teardown(self, broken_end, mode):
        pass
PYTHON
expect 1 '3 passed, 4 failed, 0 skipped' 'tests/netns/test_more.py::test_bad: ' \
	'tests/netns/test_more.py::test_skipped: skipped' \
	'tests/netns/test_more.py::TestInside::test_teardown[tc]'
echo 'import nothing_of_this_name' >"$tree/tests/netns/test_more.py"
expect 1 '3 passed, 3 failed, 0 skipped' 'test_more.py'
rm "$tree"/tests/netns/test_*.py
expect 1 '2 passed, 1 failed, 0 skipped' 'tests/netns: ran no test'

new_tree
cmocka unit test_a ok
echo 'setsid sleep 60 &' >>"$tree/build/tests/unit/test_a"
expect 1 '2 passed, 1 failed, 0 skipped' '(sleep): left behind'

if [ -n "$isolated" ]; then
	touch /run/netns/natgw-old /sys/fs/bpf/natgw-old
	cmocka unit test_a ok
	echo 'touch /run/netns/natgw-new /run/netns/other /sys/fs/bpf/natgw' >>"$tree/build/tests/unit/test_a"
	expect 1 '2 passed, 2 failed, 0 skipped' 'FAILED namespace natgw-new: left behind' \
		'FAILED pin /sys/fs/bpf/natgw: left behind'
fi

new_tree
cmocka unit test_a ok
# shellcheck disable=SC2016 # the fake program's own variable
echo 'trap "echo tidied; exit 1" INT; touch "$0.started"; sleep 60 & wait' \
	>>"$tree/build/tests/unit/test_a"
"$tree/tests/run.sh" >"$tree/out" 2>&1 &
runner=$!
for _ in $(seq 100); do
	[ -e "$tree/build/tests/unit/test_a.started" ] && break
	sleep 0.1
done
kill -INT "$runner" 2>/dev/null || true
status=0
wait "$runner" || status=$?
[ "$status" = 130 ] || finding "interrupted: status $status, not 130"
grep -q tidied "$tree/out" || finding "interrupted: the program could not tidy up"
[ "$(tail -n 1 "$tree/out")" = '1 passed, 1 failed, 0 skipped' ] ||
	finding "interrupted: last line is '$(tail -n 1 "$tree/out")'"

exit "$bad"
