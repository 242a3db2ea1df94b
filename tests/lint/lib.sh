# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2034 # the variables are for the checks
#
# What the checks share. Each is called as `tests/lint/NAME.sh [ROOT]`, prints one line
# `file:line: what` per finding and ends with status 1 if there was one.
set -eu

lint=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cd "${1:-$lint/../..}"

status=0

finding() {
	echo "$1"
	status=1
}

# tree_files [FIND-TEST...]: files of the tree that are not generated
tree_files() {
	find . -xdev \( -name .git -o -path ./build -o -name __pycache__ -o -name .pytest_cache \) -prune -o \
		-type f "$@" -printf '%P\n' | sort
}

# c_files FOLDER...: C sources and headers in these folders
c_files() {
	local folder
	for folder in "$@"; do
		tree_files \( -name '*.c' -o -name '*.h' \) -path "./$folder/*"
	done
}

user_flags=(
	-std=gnu11 -D_GNU_SOURCE -Iinclude -Iuser -isystem build
	-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 -Wundef
	-Wcast-qual -Wpointer-arith -Wwrite-strings
)
# Headers that Debian keeps in folders of their own.
read -ra library_flags < <(pkg-config --cflags libfixbuf | sed 's/-I/-isystem /g') || :
user_flags+=("${library_flags[@]}")
bpf_flags=(
	-target bpf -D__TARGET_ARCH_x86 -std=gnu11 -O2 -g
	-Ivmlinux -Iinclude -Ibpf -Wall -Wextra -Wno-unused-function
)
# For C under tests/: a test may compile a BPF header on the host, so both sides are in its path.
test_flags=("${user_flags[@]}" -Itests -Itests/bpf -Itests/unit -Ibpf)
