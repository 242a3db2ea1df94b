#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The test of the checks: each violation is planted in a small tree and must be named with its file
# and line; the tree without it must be clean.
set -eu
cd "$(dirname "$0")/../.."

lint=$PWD/tests/lint
tree=$(mktemp -d /tmp/natgw-test-lint.XXXXXX)
trap 'rm -rf "$tree"' EXIT
bad=0

finding() {
	echo "tests/lint/$1:1: $2"
	bad=1
}

# put FILE: standard input becomes a file of the tree
put() {
	mkdir -p "$(dirname "$tree/$1")"
	cat >"$tree/$1"
}

# clean CHECK: finds nothing
clean() {
	local output
	if ! output=$("$lint/$1" "$tree" 2>&1) || [ -n "$output" ]; then
		finding "$1" "finds in a clean tree: $output"
	fi
}

# named CHECK TEXT...: fails, and a line of the output begins with each TEXT
named() {
	local check=$1 output text
	shift
	if output=$("$lint/$check" "$tree" 2>&1); then
		finding "$check" "does not fail for '$*'"
	fi
	for text in "$@"; do
		[[ $'\n'$output == *$'\n'"$text"* ]] || finding "$check" "does not say '$text' but: $output"
	done
}

new_tree() {
	rm -rf "${tree:?}"/*
	put include/natgw_a.h <<'C'
/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NATGW_A_H
#define NATGW_A_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

struct natgw_a {
	__be16 port;
};

#endif
C
	put user/a.h <<'C'
/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NATGW_USER_A_H
#define NATGW_USER_A_H

int a_count(int number);

#endif
C
	put user/a.c <<'C'
// SPDX-License-Identifier: GPL-2.0-only
#include "a.h"

/* Words like conntrack and flow are fine in a comment. */
static int add(int number)
{
	return number + 1;
}

int a_count(int number)
{
	return add(number);
}
C
	put vmlinux/vmlinux.h <<'C'
/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __VMLINUX_H__
#define __VMLINUX_H__
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef __u16 __be16;
typedef __u32 __be32;
#endif
C
	put bpf/a.bpf.c <<'C'
// SPDX-License-Identifier: GPL-2.0-only
#include "vmlinux.h"
#include "natgw_a.h"

#define SEC(name) __attribute__((section(name), used))

SEC("xdp")
int natgw_a(struct natgw_a *row)
{
	return row->port == (__attribute__((force)) __be16)5;
}
C
	sed -i 's/__attribute__((force)) /FORCE /; s/^#define SEC/#ifdef __CHECKER__\n#define FORCE __attribute__((force))\n#else\n#define FORCE\n#endif\n&/' "$tree/bpf/a.bpf.c"
	cp .clang-format .clang-tidy "$tree/"
}

# lines COUNT TEXT
lines() {
	local number
	for ((number = 0; number < $1; number++)); do
		echo "$2"
	done
}

test_c_checks() {
	local check
	new_tree
	for check in format tidy cppcheck sparse headers_alone deps budgets names words shell; do
		clean "$check.sh"
	done

	echo 'int  a_other;' >>"$tree/user/a.h"
	named format.sh 'user/a.h:8: '

	new_tree
	sed -i 's/return number + 1;/if (number)\n\t\treturn 1;\n\telse\n\t\treturn 2;/' "$tree/user/a.c"
	named tidy.sh 'user/a.c:9: do not use '
	new_tree
	put user/b.c <<'C'
// SPDX-License-Identifier: GPL-2.0-only
int b_first(void);

int b_first(void)
{
	int rows[2] = { 1, 2 };

	return rows[2];
}
C
	named cppcheck.sh 'user/b.c:8: Array '

	new_tree
	sed -i 's/== (.*5/== 5/' "$tree/bpf/a.bpf.c"
	named sparse.sh 'bpf/a.bpf.c:15: restricted __be16 degrades to integer'

	new_tree
	sed -i 's/a_count(int number)/a_count(size_t number)/' "$tree/user/a.h"
	named headers_alone.sh 'user/a.h:5: unknown type name'
	new_tree
	sed -i 's/__be16 port/uint16_t port/' "$tree/include/natgw_a.h"
	named headers_alone.sh 'include/natgw_a.h:10: unknown type name'
}

test_deps() {
	new_tree
	: | put bpf/stage.h
	sed -i '2i #include "stage.h"' "$tree/user/a.c"
	named deps.sh 'user/a.c:2: user/ includes "stage.h" of bpf/'
	new_tree
	sed -i '2i #include "a.h"' "$tree/bpf/a.bpf.c"
	named deps.sh 'bpf/a.bpf.c:2: bpf/ includes "a.h" of user/'
	new_tree
	sed -i '2i #include "../user/a.h"' "$tree/bpf/a.bpf.c"
	named deps.sh 'bpf/a.bpf.c:2: bpf/ includes "../user/a.h" of user/'
	new_tree
	sed -i '2i #include "natgw.skel.h"' "$tree/user/a.c"
	named deps.sh 'user/a.c:2: only user/loader.c includes the skeleton'
	new_tree
	echo '#include <bpf/libbpf.h>' | put user/natgwctl_show.c
	named deps.sh 'user/natgwctl_show.c:1: natgwctl uses no BPF library'
	new_tree
	mkdir "$tree/build"
	echo 'int main(void) { return 0; }' |
		gcc -x c - -o "$tree/build/natgwctl" -Wl,--no-as-needed -lxdp
	named deps.sh 'user/natgwctl.c:1: build/natgwctl links libxdp'
}

test_budgets() {
	new_tree
	lines 501 '/* one more */' | put bpf/long.h
	named budgets.sh 'bpf/long.h:501: 501 lines'
	new_tree
	{
		echo 'static __always_inline int'
		echo 'long_one(void)'
		echo '{'
		lines 57 '	;'
		echo '	return 0;'
		echo '}'
	} | put bpf/long.h
	named budgets.sh 'bpf/long.h:2: long_one has 61 lines'
}

test_names() {
	new_tree
	sed -i 's/^static int add/int add/' "$tree/user/a.c"
	named names.sh 'user/a.c:5: exports add,'
	new_tree
	sed 's/a_count/a_number/' "$tree/user/a.c" >"$tree/user/a_part.c"
	clean names.sh
	new_tree
	sed -i 's/natgw_a(/natgw_very_long_a(/' "$tree/bpf/a.bpf.c"
	named names.sh 'bpf/a.bpf.c:13: kernel name natgw_very_long_a '
	new_tree
	echo '} a_map_of_sixteen SEC(".maps");' >>"$tree/bpf/a.bpf.c"
	named names.sh 'bpf/a.bpf.c:17: kernel name a_map_of_sixteen '
	new_tree
	printf '#include <bpf/bpf_helpers.h>\nSEC("xdp") int made_by_a_macro_here(void *ctx) { return 0; }\n' |
		clang -target bpf -include "$tree/vmlinux/vmlinux.h" -x c -w -c - -o "$tree/o" \
			-D__u64='unsigned long' -D__s64=long -D__s32=int -D__wsum=int 2>/dev/null
	mkdir "$tree/build"
	mv "$tree/o" "$tree/build/natgw.bpf.o"
	named names.sh 'build/natgw.bpf.o:1: kernel name made_by_a_macro_here '
}

test_words() {
	local letter=w
	new_tree
	echo "see /${letter}ork/main" | put docs/a.md
	named words.sh 'docs/a.md:1: path or host of a machine'
	letter=T
	echo "/* ${letter}ODO: more */" >>"$tree/user/a.c"
	named words.sh 'user/a.c:14: unfinished work'
	new_tree
	sed -i 1d "$tree/user/a.c"
	named words.sh 'user/a.c:1: no SPDX'
	new_tree
	echo 'int a_conntrack_rows;' >>"$tree/user/a.c"
	named words.sh 'user/a.c:14: name a_conntrack_rows: say session'
	new_tree
	put tests/a.sh <<'SHELL'
#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
rm $1
SHELL
	named shell.sh 'tests/a.sh:3: '
	echo 'def broken(' | put tests/a.py
	named shell.sh 'tests/a.py:1: '
}

# row FILE ID CELLS...: replaces the row of ID
row() {
	local file=$tree/docs/$1 id=$2 text
	shift 2
	text="| $id |$(printf ' %s |' "$@")"
	awk -v id="$id" -v text="$text" '$2 == id { print text; next } { print }' "$file" >"$file.new"
	mv "$file.new" "$file"
}

# at FILE ID: the line of ID's row
at() {
	awk -v id="$2" '$2 == id { print FNR; exit }' "$tree/docs/$1"
}

# Rows that name no test, so that the tree needs none.
new_documents() {
	new_tree
	mkdir "$tree/docs"
	awk -F' *[|] *' '$2 ~ /^[A-Z]?-?[0-9]+[a-z]?$/ { print "| " $2 " | text | planned | later |" }' \
		docs/requirements.md >"$tree/docs/requirements.md"
	awk -F' *[|] *' '$2 ~ /^[A-Z]?-?[0-9]+[a-z]?$/ { print "| " $2 " | text | text | planned | later |" }' \
		docs/rfc-compliance.md >"$tree/docs/rfc-compliance.md"
}

test_documents() {
	local requirements=requirements.py file=requirements.md line id
	new_documents
	clean $requirements
	for id in 1 65a 102 B-1 B-40; do
		new_documents
		sed -i "/^| $id |/d" "$tree/docs/$file"
		named $requirements "docs/$file:1: number $id is missing"
	done
	for id in U15 I3d C1 P11 O23; do
		new_documents
		sed -i "/^| $id |/d" "$tree/docs/rfc-compliance.md"
		named $requirements "docs/rfc-compliance.md:1: number $id is missing"
	done

	new_documents
	sed -i 's/^| 7 |.*/&\n&/' "$tree/docs/$file"
	line=$(($(at $file 7) + 1))
	named $requirements "docs/$file:$line: number 7 stands in line $((line - 1)) already"
	new_documents
	row $file 8 text 'almost' 'later'
	row $file 9 text 'done' 'somewhere'
	row $file 10 text 'different' ''
	row $file 11 '' 'planned' 'later'
	row $file 12 text 'planned' ''
	row $file 13 text 'planned'
	# shellcheck disable=SC2016 # backquotes of the document
	row $file 14 text 'done' '`tests/netns/test_none.py::test_a`'
	# shellcheck disable=SC2016
	row $file 15 text 'done' '`tests/bpf/test_a.c: other case`'
	# shellcheck disable=SC2016
	row $file 16 text 'done' '`tests/bpf/test_a.c: a case`, `tests/netns/test_a.py::TestA::test_b[tc]`'
	# shellcheck disable=SC2016
	row $file 17 text 'done' '`tests/bpf/test_a.c`'
	# shellcheck disable=SC2016
	row $file 18 text 'different' '`tests/bpf/test_a.c: a case`'
	echo '| 103 | text | planned | later |' >>"$tree/docs/$file"
	echo '{ "a case", 1 },' | put tests/bpf/test_a.c
	printf 'class TestA:\n    def test_b():\n        pass\n' | put tests/netns/test_a.py
	named $requirements "docs/$file:$(at $file 8): row 8: state 'almost' is none of" \
		"docs/$file:$(at $file 9): row 9 is done but names no test" \
		"docs/$file:$(at $file 10): row 10 is different but gives no reason" \
		"docs/$file:$(at $file 11): row 11 says nothing" \
		"docs/$file:$(at $file 12): row 12 is planned but does not say where" \
		"docs/$file:$(at $file 13): row 13 has 3 columns, not 4" \
		"docs/$file:$(at $file 14): test file tests/netns/test_none.py does not exist" \
		"docs/$file:$(at $file 15): no test 'other case' in tests/bpf/test_a.c" \
		"docs/$file:$(at $file 17): \`tests/bpf/test_a.c\` names no test" \
		"docs/$file:$(at $file 18): row 18 is different but gives no reason" \
		"docs/$file:$(at $file 103): there is no number 103"
	if "$lint/$requirements" "$tree" | grep -q 'row 16'; then
		finding $requirements "complains about tests that exist"
	fi
}

test_c_checks
test_deps
test_budgets
test_names
test_words
test_documents
exit "$bad"
