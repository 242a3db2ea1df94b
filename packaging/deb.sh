#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Builds the Debian package into BUILD/deb, from a copy of the tree, so that the tree stays as it
# is: `deb.sh BUILD`, from the root of the tree.
set -eu

build=$1
folder=$build/deb
source=$folder/natgw

# A version that rises with every commit; outside of git the one of the last release.
version=0.1
date=$(date -R -u -d @0)
if revision=$(git rev-parse --short HEAD 2>/dev/null); then
	version+=+git$(git log -1 --format=%cd --date=format:%Y%m%d%H%M%S).$revision
	date=$(git log -1 --format=%cD)
fi

rm -rf "$folder"
mkdir -p "$source"
tar -c --exclude=./.git --exclude=./build --exclude=__pycache__ --exclude=.pytest_cache . |
	tar -x -C "$source"
cp -r packaging/debian "$source/debian"
cat >"$source/debian/changelog" <<CHANGES
natgw ($version) unstable; urgency=medium

  * Built from the tree; docs/decisions.md says what has changed and why.

 -- natgw maintainers <natgw@natgw.invalid>  $date
CHANGES

cd "$source"
# What this make was told is not for the one of the package.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES DESTDIR PREFIX
dpkg-buildpackage -us -uc -b >../build.log 2>&1 || {
	tail -n 40 ../build.log >&2
	echo "deb.sh: the build failed; all of it is in $folder/build.log" >&2
	exit 1
}
cd - >/dev/null
rm -rf "$source"
echo "$folder/$(basename "$folder"/natgw_*.deb)"
