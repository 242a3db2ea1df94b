#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs inside a fresh Debian 12 that has systemd running and nothing of natgw: installs the package,
# goes the way of a new user, and takes the package out again. Prints "ok WHAT" or "not ok WHAT" for
# each point, and "done" at the end. The packages are in /root: natgw.deb, and newer.deb, the same
# with a higher version.
set -u

config=/etc/natgw/natgw.yaml
example=/usr/share/doc/natgw/examples/two-interfaces.yaml

check() {
	local what=$1 output
	shift
	if output=$("$@" 2>&1); then
		echo "ok $what"
	else
		echo "not ok $what: $*: ${output//$'\n'/; }"
	fi
}

refute() {
	local what=$1
	shift
	check "$what" eval "! { $*; }"
}

# wait_until SECONDS COMMAND...
wait_until() {
	local deadline=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$deadline" ] || return 1
		sleep 0.2
	done
}

# All files that somebody may have left: not what dpkg, the journal and the kernel have.
everything() {
	find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run/systemd -o -path /run/udev \
		-o -path /tmp -o -path /root -o -path /var/lib/dpkg -o -path /var/log/journal \
		-o -path /var/cache -o -path /var/lib/systemd -o -path /run/log \) -prune -o -print |
		grep -vE '^/etc/(group|gshadow)-?$|^/var/log/(dpkg|alternatives)\.log|^/etc/\.pwd\.lock$' |
		sort
	ls /run /sys/fs/bpf
	cat /proc/sys/net/ipv4/conf/eth0/forwarding /proc/sys/net/ipv4/conf/eth1/forwarding
	getent group natgw
	ip -details link show | grep -o 'prog/xdp'
	/sbin/tc qdisc show | grep clsact
}

pid_of() {
	systemctl show --value -p MainPID natgwd
}

client() {
	ip netns exec client "$@"
}

# cable NAMESPACE INTERFACE ADDRESS: an interface of this machine with that address
cable() {
	ip link add "$2" type veth peer name port netns "$1"
	ip address add "$3" dev "$2"
	ip link set "$2" up
	ip -n "$1" link set lo up
	ip -n "$1" link set port up
}

make_network() {
	ip netns add client
	ip netns add router
	cable router eth0 203.0.113.2/24
	cable client eth1 10.0.1.1/24
	ip -n router address add 203.0.113.1/24 dev port
	ip -n router address add 198.51.100.10/32 dev lo
	ip -n client address add 10.0.1.10/24 dev port
	ip -n client route add default via 10.0.1.1
	ip route add default via 203.0.113.1
}

reaches() {
	client ping -q -c 2 -i 0.2 -W 2 198.51.100.10
}

# The router has no route to 10.0.1.0/24: an answer means that it saw the EIP.
is_translated() {
	reaches && natgwctl sessions | grep -q 203.0.113.10
}

install_it() {
	check "dpkg installs it" dpkg -i /root/natgw.deb
	check "the group is there" getent group natgw
	check "the service is enabled" systemctl is-enabled natgwd
	refute "without a config it does not run" systemctl is-active natgwd
	refute "and is not failed" systemctl is-failed natgwd
	check "systemd-analyze verify" systemd-analyze verify --man=no natgwd.service
	check "the manual is there" test -s /usr/share/man/man8/natgwd.8.gz
}

first_packet() {
	cp "$example" "$config"
	echo "attach: tc" >>"$config"
	check "natgwd --check" natgwd --check "$config"
	refute "nothing is translated yet" reaches
	check "systemctl start waits for ready" systemctl start natgwd
	check "it is active" systemctl is-active natgwd
	check "it says so" eval "systemctl show -p StatusText natgwd | grep -q 'data path is in place'"
	check "the first packet is translated" is_translated
	check "only three capabilities are left" eval \
		"grep -q '^CapEff:.000000c000001000' /proc/$(pid_of)/status"
	check "no more rights can come" eval "grep -q '^NoNewPrivs:.1' /proc/$(pid_of)/status"
	check "a filter of system calls is there" eval "grep -q '^Seccomp:.2' /proc/$(pid_of)/status"
	check "the socket is the group's" eval \
		"stat -c %a:%G /run/natgw/control.sock | grep -q '660:natgw'"
}

reload_it() {
	sed -i 's/^    eips: .*/    eips: [203.0.113.10, 203.0.113.11]/' "$config"
	check "systemctl reload" systemctl reload natgwd
	check "the new EIP is there" wait_until 10 eval "natgwctl describe | grep -q 203.0.113.11"
	echo "nonsense: 1" >>"$config"
	refute "a wrong config is refused" systemctl reload natgwd
	sed -i '/^nonsense/d' "$config"
	check "and changes nothing" is_translated
}

# systemd has started another one than the process given.
is_another() {
	systemctl is-active natgwd && [ "$(pid_of)" != "$1" ] && [ "$(pid_of)" != 0 ]
}

stop_and_fall() {
	local before
	check "systemctl stop" systemctl stop natgwd
	check "the data path goes on" reaches
	mkdir -p /run/systemd/system/natgwd.service.d
	printf '[Service]\nWatchdogSec=8\n' >/run/systemd/system/natgwd.service.d/watchdog.conf
	systemctl daemon-reload
	check "systemctl start" systemctl start natgwd
	before=$(pid_of)
	[ "$before" != 0 ] || return # the points above have said why
	kill -9 "$before"
	check "systemd starts it again" wait_until 200 is_another "$before"
	before=$(pid_of)
	sleep 10
	check "the watchdog is fed" [ "$(pid_of)" = "$before" ]
	kill -STOP "$before"
	check "a natgwd that hangs is replaced" wait_until 200 is_another "$before"
	rm -r /run/systemd/system/natgwd.service.d
	systemctl daemon-reload
	check "translation as before" is_translated
}

upgrade_it() {
	local lost before ping
	before=$(pid_of)
	# not by a function, so that the id is that of ping itself
	ip netns exec client ping -q -i 0.05 -W 5 198.51.100.10 >/tmp/ping 2>&1 &
	ping=$!
	sleep 1
	check "dpkg upgrades it" dpkg -i /root/newer.deb
	check "the new one runs" is_another "$before"
	sleep 1
	kill -INT "$ping"
	wait "$ping"
	lost=$(grep -o '[0-9.]*% packet loss' /tmp/ping)
	check "no packet was lost by it" [ "$lost" = "0% packet loss" ]
	echo "note upgrade: $(grep transmitted /tmp/ping)"
}

remove_it() {
	check "dpkg removes it" dpkg -r natgw
	refute "nothing is translated any more" reaches
	check "the config stays" test -s "$config"
	refute "no pin is left" test -e /sys/fs/bpf/natgw
	refute "no process is left" pgrep -x natgwd
	check "dpkg purges it" dpkg -P natgw
	systemctl daemon-reload
	everything >/tmp/after
	check "nothing is left" diff /tmp/before /tmp/after
}

make_network
sleep 1
everything >/tmp/before
install_it
first_packet
reload_it
stop_and_fall
upgrade_it
remove_it
echo "done"
