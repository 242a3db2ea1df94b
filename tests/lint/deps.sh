#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The direction of dependencies: user/ and bpf/ know only include/ of each other, the skeleton is
# seen by user/loader.c alone, and natgwctl asks natgwd: of what it is made of only the audit reads
# maps, and nothing attaches programs.
# shellcheck source=tests/lint/lib.sh
. "$(dirname "$0")/lib.sh"

# includes FOLDER: file:line:name of every #include "name" in it
includes() {
	c_files "$1" | xargs -r grep -Hn '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' |
		sed 's/^\([^:]*:[0-9]*\):[^"]*"\([^"]*\)".*/\1:\2/'
}

# foreign FOLDER OTHER: includes of FOLDER that only OTHER can satisfy
foreign() {
	local from=$1 other=$2 file line name
	while IFS=: read -r file line name; do
		if [[ $name = *"$other"/* ]] || { [ -e "$other/$name" ] &&
			[ ! -e "$from/$name" ] && [ ! -e "include/$name" ]; }; then
			finding "$file:$line: $from/ includes \"$name\" of $other/"
		fi
	done < <(includes "$from")
}

foreign user bpf
foreign bpf user
foreign include bpf
foreign include user

while IFS=: read -r file line name; do
	case $name in
	*.skel.h)
		[ "$file" = user/loader.c ] ||
			finding "$file:$line: only user/loader.c includes the skeleton"
		;;
	esac
done < <(includes user)

while IFS=: read -r file line _; do
	finding "$file:$line: natgwctl uses no BPF library"
done < <(find user \( -name 'natgwctl*' -o -name 'output*' \) -name '*.[ch]' -print0 2>/dev/null |
	xargs -0r grep -HnE '^[[:space:]]*#[[:space:]]*include[[:space:]]*<(bpf|xdp)/')
if [ -e build/natgwctl ] && readelf -d build/natgwctl | grep -qE 'NEEDED.*libxdp\.so'; then
	finding "user/natgwctl.c:1: build/natgwctl links libxdp"
fi
exit "$status"
