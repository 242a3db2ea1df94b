#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Installs the Debian packages that one level of work needs: build, test (default), long (the long
# tests), package (make deb), bench or lint.
# Silent and fast when everything is there; never starts a service that a package brings along.
set -eu

level=${1:-test}

build_packages=(
	clang llvm libbpf-dev libxdp-dev libelf-dev zlib1g-dev bpftool libyaml-dev libevent-dev
	libjansson-dev libmnl-dev libcap-dev libcurl4-openssl-dev libfixbuf-dev pkg-config gcc
	libc6-dev make python3
)
test_packages=(
	libcmocka-dev python3-pytest python3-pytest-xdist python3-scapy nginx-light iperf3
	iputils-ping iputils-arping conntrack tshark
	traceroute bind9-dnsutils dnsmasq-base iproute2 ethtool tcpdump nmap curl netcat-openbsd
	procps util-linux coturn netsniff-ng nftables mtr-tiny iputils-tracepath socat openssh-server
	openssh-client vsftpd lftp irtt libcap2-bin python3-jsonschema python3-yaml mandoc strace systemd
	nfdump libfixbuf-tools prometheus
)
# A Debian package, and what tries it out: a fresh system, and a machine with systemd to boot it.
package_packages=(dpkg-dev debhelper fakeroot lintian)
long_packages=(
	mmdebstrap qemu-system-x86 qemu-system-common busybox-static cpio kmod xz-utils chromium
	fonts-dejavu-core
)
bench_packages=(libcmocka-dev nftables iproute2 iperf3 ethtool procps util-linux python3)
lint_packages=(
	libcmocka-dev clang-format clang-tidy cppcheck shellcheck sparse universal-ctags python3
)

case $level in
build) packages=("${build_packages[@]}") ;;
test) packages=("${build_packages[@]}" "${test_packages[@]}") ;;
package) packages=("${build_packages[@]}" "${package_packages[@]}") ;;
long)
	packages=(
		"${build_packages[@]}" "${test_packages[@]}" "${package_packages[@]}"
		"${long_packages[@]}"
	)
	;;
bench) packages=("${build_packages[@]}" "${bench_packages[@]}") ;;
lint) packages=("${build_packages[@]}" "${lint_packages[@]}") ;;
*)
	echo "setup.sh: unknown level '$level': build, test, long, package, bench or lint" >&2
	exit 2
	;;
esac

missing=()

find_missing() {
	local package state
	local -A installed=()

	while read -r state package; do
		[ "$state" = ii ] && installed[$package]=1
	done < <(dpkg-query -W -f='${db:Status-Abbrev} ${Package}\n' "${packages[@]}" 2>/dev/null)
	missing=()
	for package in "${packages[@]}"; do
		[ -n "${installed[$package]:-}" ] || missing+=("$package")
	done
}

# Debian starts a service (nginx) when its package is configured; a policy that says no for
# the time of the installation prevents it. A policy that is already there is left alone.
# One of ours that is there at the start was left by a run that was killed.
policy=/usr/sbin/policy-rc.d
policy_mark='# natgw tests/setup.sh: removed when the installation ends'
policy_is_ours=

remove_policy() {
	[ -z "$policy_is_ours" ] || rm -f "$policy"
}

forbid_services() {
	[ ! -e "$policy" ] || return 0
	printf '#!/bin/sh\n%s\nexit 101\n' "$policy_mark" >"$policy"
	policy_is_ours=1
	trap remove_policy EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	chmod 755 "$policy"
}

install_missing() {
	local log
	log=$(mktemp)

	echo "setup.sh: installing ${missing[*]}"
	forbid_services
	if ! {
		DEBIAN_FRONTEND=noninteractive apt-get -q update &&
			DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends \
				-o Dpkg::Options::=--force-confold install "${missing[@]}"
	} >"$log" 2>&1 </dev/null; then
		tail -n 20 "$log" >&2
		rm -f "$log"
		echo "setup.sh: installation failed" >&2
		exit 1
	fi
	rm -f "$log"
}

if ! command -v dpkg-query >/dev/null; then
	echo "setup.sh: no dpkg here; needed: ${packages[*]}" >&2
	exit 1
fi

if [ "$(id -u)" = 0 ] && grep -qsxF "$policy_mark" "$policy"; then
	rm -f "$policy"
fi

find_missing
if [ ${#missing[@]} -gt 0 ]; then
	if [ "$(id -u)" != 0 ]; then
		echo "setup.sh: not root; install with: apt-get install ${missing[*]}" >&2
		exit 1
	fi
	install_missing
fi

if [[ $level = @(test|long) ]] && [ "$(id -u)" = 0 ] &&
	[ "$(stat -f -c %T /sys/fs/bpf 2>/dev/null)" != bpf_fs ]; then
	mount -t bpf bpf /sys/fs/bpf
fi
