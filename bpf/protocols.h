/* SPDX-License-Identifier: GPL-2.0-only */
/* Numbers of the protocols on the wire; vmlinux.h carries types only. */
#ifndef NATGW_BPF_PROTOCOLS_H
#define NATGW_BPF_PROTOCOLS_H

#define ETH_ALEN 6
#define ETH_HLEN 14
#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd
#define ETH_P_ARP 0x0806
#define ETH_P_8021Q 0x8100
#define ETH_P_8021AD 0x88a8

#define AF_INET 2

#define IPPROTO_ICMP 1
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17

/* Offsets within the IPv4 header. */
#define IPV4_ID 4
#define IPV4_TTL 8
#define IPV4_CHECK 10
#define IPV4_SADDR 12
#define IPV4_DADDR 16
#define IPV4_HLEN 20
#define IPV4_HLEN_MAX 60

#define IP_DF 0x4000
#define IP_MF 0x2000
#define IP_OFFSET 0x1fff

#define TCP_CHECK 16
#define UDP_CHECK 6
#define ICMP_CHECK 2
#define ICMP_ID 4

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

#define ICMP_ECHOREPLY 0
#define ICMP_DEST_UNREACH 3
#define ICMP_REDIRECT 5
#define ICMP_ECHO 8
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETERPROB 12
#define ICMP_HOST_UNREACH 1 /* codes of ICMP_DEST_UNREACH */
#define ICMP_FRAG_NEEDED 4

#define ARP_REQUEST 1
#define ARP_REPLY 2

#define PACKET_HOST 0

#define TC_ACT_OK 0
#define TC_ACT_SHOT 2

#define EEXIST 17
#define E2BIG 7
#define EBUSY 16

#endif
