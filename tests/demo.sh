#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# natgw in half a minute, inside namespaces of its own: two private clients, the gateway, a router
# and a server. Prints what each of them sees, and removes everything at its end.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
natgwd=$root/build/natgwd
natgwctl=$root/build/natgwctl
prefix=natgw-demo
roles=(cli1 cli2 gw router server)
eip=198.51.100.50
private_ip=10.0.1.254
server=203.0.113.10
port=32222
pins=/sys/fs/bpf/$prefix
folder=
pids=()

say() {
	printf '\n== %s\n' "$*"
}

inside() {
	local role=$1
	shift
	nsenter --net="/run/netns/$prefix-$role" "$@"
}

wait_until() {
	local what=$1 try
	shift
	for try in $(seq 200); do
		if "$@" >/dev/null 2>&1; then
			return 0
		fi
		sleep 0.05
	done
	echo "demo: not within $((try / 20)) s: $what" >&2
	[ ! -s "$folder/natgwd.log" ] || cat "$folder/natgwd.log" >&2
	return 1
}

# Their ids are those of the programs: nsenter becomes the program that it starts.
end_processes() {
	local pid
	for pid in "${pids[@]}"; do
		kill "$pid" 2>/dev/null || true
	done
	for pid in "${pids[@]}"; do
		wait "$pid" 2>/dev/null || true
	done
	pids=()
}

# Also removes what an earlier demo has left that was killed.
remove_all() {
	local role
	end_processes
	if [ -n "$folder" ] && [ -d "$pins" ] && [ -e "/run/netns/$prefix-gw" ]; then
		inside gw "$natgwd" --detach --config "$folder/natgw.yaml" || true
	fi
	for role in "${roles[@]}"; do
		if [ -e "/run/netns/$prefix-$role" ]; then
			ip netns pids "$prefix-$role" | xargs -r kill -9
			ip netns delete "$prefix-$role"
		fi
	done
	rm -rf "$pins"
	[ -z "$folder" ] || rm -rf "$folder"
}

on_exit() {
	local status=$?
	trap - EXIT
	say "Removing namespaces, pins and processes"
	remove_all
	exit "$status"
}

# cable ROLE INTERFACE ROLE INTERFACE
cable() {
	ip link add "$2" netns "$prefix-$1" type veth peer name "$4" netns "$prefix-$3"
}

# address ROLE INTERFACE ADDRESS...
address() {
	local role=$1 interface=$2 one
	shift 2
	for one in "$@"; do
		ip -n "$prefix-$role" address add "$one" dev "$interface"
	done
	ip -n "$prefix-$role" link set "$interface" up
}

build_network() {
	local role
	for role in "${roles[@]}"; do
		ip netns add "$prefix-$role"
		ip -n "$prefix-$role" link set lo up
	done
	cable cli1 eth0 gw int0
	cable cli2 eth0 gw int1
	cable gw ext0 router ext0
	cable router srv0 server eth0
	address gw int0 10.0.1.1/24 "$private_ip/24"
	address gw int1 10.0.2.1/24
	address gw ext0 198.51.100.2/24
	address cli1 eth0 10.0.1.10/24
	address cli2 eth0 10.0.2.10/24
	address router ext0 198.51.100.1/24
	address router srv0 203.0.113.1/24
	address server eth0 "$server/24"
	ip -n $prefix-cli1 route add default via 10.0.1.1
	ip -n $prefix-cli2 route add default via 10.0.2.1
	ip -n $prefix-gw route add default via 198.51.100.1
	ip -n $prefix-server route add default via 203.0.113.1
	inside gw sysctl -q net.ipv4.ip_forward=0 # natgwd switches it on
	inside router sysctl -q net.ipv4.ip_forward=1
}

# A veth pair needs this for XDP: complete checksums, and a peer that polls for redirected frames.
prepare_veth() {
	local end
	for end in "cli1 eth0" "cli2 eth0" "router ext0"; do
		# shellcheck disable=SC2086 # two words: role and interface
		set -- $end
		inside "$1" ethtool -K "$2" tx off gro off >/dev/null
		inside "$1" ethtool -K "$2" gro on >/dev/null
	done
}

write_configs() {
	cat >"$folder/natgw.yaml" <<-YAML
		interfaces:
		  external: ext0
		  internal: [int0, int1]
		attach: xdp
		gateways:
		  - name: nat-a
		    private_ip: $private_ip
		    eips: [$eip]
		route_tables:
		  - name: private-a
		    subnets: [10.0.1.0/24, 10.0.2.0/24]
		    routes:
		      - {to: 0.0.0.0/0, target: gateway:nat-a}
		limits: {sessions: 16384}
		metrics: {listen: 127.0.0.1:9464}
		control: {socket: $folder/control.sock}
		pin_path: $pins
	YAML
	cat >"$folder/nginx.conf" <<-NGINX
		daemon off;
		worker_processes 1;
		user root;
		pid $folder/nginx.pid;
		error_log $folder/error.log;
		events { worker_connections 64; }
		http {
			log_format peer 'GET \$uri from \$remote_addr, port \$remote_port';
			access_log $folder/access.log peer;
			client_body_temp_path $folder/body;
			proxy_temp_path $folder/body;
			fastcgi_temp_path $folder/body;
			uwsgi_temp_path $folder/body;
			scgi_temp_path $folder/body;
			server { listen 80; root $folder/www; }
		}
	NGINX
	mkdir "$folder/www"
	head -c 300000 /dev/zero | tr '\0' '.' >"$folder/www/page"
}

start_programs() {
	nsenter --net=/run/netns/$prefix-server nginx -c "$folder/nginx.conf" -e "$folder/error.log" &
	pids+=($!)
	nsenter --net=/run/netns/$prefix-gw "$natgwd" --config "$folder/natgw.yaml" \
		2>"$folder/natgwd.log" &
	pids+=($!)
	wait_until "natgwd: ready" grep -q '^natgwd: ready' "$folder/natgwd.log"
	wait_until "nginx" inside server curl -sf -o /dev/null http://127.0.0.1/page
	: >"$folder/access.log"
}

ctl() {
	"$natgwctl" --socket "$folder/control.sock" "$@"
}

metrics() {
	inside gw curl -sf http://127.0.0.1:9464/metrics
}

# Both transfers take a second and a half: they are under way at the same time.
fetch_twice() {
	local role fetches=()
	for role in cli1 cli2; do
		inside "$role" curl -sf --max-time 10 --local-port $port --limit-rate 200k \
			-o /dev/null "http://$server/page" &
		fetches+=($!)
	done
	sleep 0.7
	say "The sessions while both are under way: natgwctl sessions"
	ctl sessions
	say "The same from the kernel, without any tool: cat $pins/sessions"
	cat "$pins/sessions"
	wait "${fetches[0]}"
	wait "${fetches[1]}"
}

main() {
	if [ "$(id -u)" != 0 ]; then
		echo "demo: needs root: it makes network namespaces and loads BPF programs" >&2
		exit 1
	fi
	exec 9>/run/natgw-demo.lock
	if ! flock -n 9; then
		echo "demo: another demo is running" >&2
		exit 1
	fi
	remove_all
	trap on_exit EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	folder=$(mktemp -d /tmp/natgw-demo.XXXXXX)
	chmod 755 "$folder"

	say "Two private clients, the gateway, a router, a server: one namespace each"
	build_network
	prepare_veth
	write_configs
	ip netns list | grep "^$prefix" | sort
	say "natgwd starts with this config"
	cat "$folder/natgw.yaml"
	start_programs
	say "What it says"
	cat "$folder/natgwd.log"
	say "Both clients fetch a page at the same time, both from source port $port"
	fetch_twice
	say "What the server saw: the EIP, and two different ports"
	grep page "$folder/access.log"
	say "Nobody reaches a client from outside: a ping and a connection to the EIP are refused"
	inside router ping -q -n -c 2 -i 0.2 -W 1 "$eip" | grep transmitted || true
	inside router curl -s -o /dev/null --max-time 1 "http://$eip:22/" ||
		echo "curl http://$eip:22/: exit status $? (28: nobody answered)"
	say "And counted, with the reason"
	metrics | grep '^natgw_packets_drop_total.* [1-9][0-9]*$'
	say "Some of the other metrics"
	metrics | grep -E '^natgw_(connection_attempts|connections_established)_total.*tcp' || true
	metrics | grep -E '^natgw_(packets|bytes)_out_to_.*_total|^natgw_ports_in_use.*tcp' || true
}

main "$@"
