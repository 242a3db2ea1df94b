#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Puts natgw into DESTDIR/PREFIX, or takes exactly that away again:
# `install.sh install|uninstall|list BUILD`, from the root of the tree. One list of files serves both.
set -eu

command=$1
build=$2
prefix=${PREFIX:-/usr/local}
destdir=${DESTDIR:-}
units=${UNITDIR:-$prefix/lib/systemd/system}
doc=$prefix/share/doc/natgw
data=$prefix/share/natgw

# files_of FOLDER TARGET: a line for each file of a folder of the tree, folders in it included; not
# for what tests others
files_of() {
	[ ! -d "$1" ] || find "$1" -type f ! -name '*.test.*' -printf "0644 %p $2/%P\n"
}

# Lines of mode, source, target.
files() {
	local page
	echo "0755 $build/natgwd $prefix/sbin/natgwd"
	echo "0755 $build/natgwctl $prefix/bin/natgwctl"
	for page in "$build"/man/natgwd.8 "$build"/man/natgwctl.8 "$build"/man/natgw.yaml.5; do
		echo "0644 $page $prefix/share/man/man${page##*.}/${page##*/}"
	done
	echo "0644 packaging/natgwd.service $units/natgwd.service"
	echo "0644 packaging/natgw.sysusers $prefix/lib/sysusers.d/natgw.conf"
	echo "0644 packaging/natgw.tmpfiles $prefix/lib/tmpfiles.d/natgw.conf"
	echo "0644 packaging/bash-completion/natgwctl $prefix/share/bash-completion/completions/natgwctl"
	files_of packaging/prometheus "$data/prometheus"
	files_of packaging/grafana "$data/grafana"
	echo "0644 README.md $doc/README.md"
	files_of docs "$doc/docs"
	files_of examples "$doc/examples"
}

# Folders that are natgw's own, the deepest first.
folders() {
	files | while read -r _ _ target; do
		dirname "$target"
	done | grep -E "^$doc(/|$)|^$data(/|$)" | sort -ru
	echo "$data"
	echo "$doc"
	echo /etc/natgw
}

install_all() {
	local mode from to
	install -d -m 0755 "$destdir/etc/natgw"
	while read -r mode from to; do
		install -D -m "$mode" "$from" "$destdir$to"
	done < <(files)
	# The unit names the program where it is.
	sed -i "s|/usr/sbin/natgwd|$prefix/sbin/natgwd|" "$destdir$units/natgwd.service"
}

uninstall_all() {
	local target
	while read -r _ _ target; do
		rm -f "$destdir$target"
	done < <(files)
	while read -r target; do
		[ ! -d "$destdir$target" ] || rmdir --ignore-fail-on-non-empty "$destdir$target"
	done < <(folders)
}

case $command in
install) install_all ;;
uninstall) uninstall_all ;;
list) files | while read -r _ _ target; do echo "$target"; done ;;
*)
	echo "install.sh: unknown command '$command': install, uninstall or list" >&2
	exit 2
	;;
esac
