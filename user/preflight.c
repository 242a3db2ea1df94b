// SPDX-License-Identifier: GPL-2.0-only
/*
 * Asks the kernel about an interface by ioctl (link type, MTU, driver, offloads) and puts into
 * words why native XDP may be refused. Changes nothing. Does not know which XDP program is there
 * (xdplink) and does not choose how to attach (attach).
 */
#include "preflight.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "cleanup.h"

static void name_request(struct ifreq *request, const char *name)
{
	memset(request, 0, sizeof(*request));
	snprintf(request->ifr_name, sizeof(request->ifr_name), "%s", name);
}

static void read_driver(int fd, const char *name, struct preflight *preflight)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq request;

	name_request(&request, name);
	request.ifr_data = (char *)&info;
	if (ioctl(fd, SIOCETHTOOL, &request) == 0) {
		info.driver[sizeof(info.driver) - 1] = '\0';
		snprintf(preflight->driver, sizeof(preflight->driver), "%s", info.driver);
	}
	preflight->veth = strcmp(preflight->driver, "veth") == 0;
}

static void read_offloads(int fd, const char *name, struct preflight *preflight)
{
	struct ethtool_value value = { .cmd = ETHTOOL_GFLAGS };
	struct ifreq request;

	name_request(&request, name);
	request.ifr_data = (char *)&value;
	if (ioctl(fd, SIOCETHTOOL, &request) == 0) {
		preflight->lro = value.data & ETH_FLAG_LRO;
		preflight->rxvlan = value.data & ETH_FLAG_RXVLAN;
	}
}

int preflight_check(const char *name, struct preflight *ret_preflight,
		    char ret_wrong[PREFLIGHT_TEXT_MAX])
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct preflight preflight = { 0 };
	struct ifreq request;

	if (fd < 0) {
		return -errno;
	}
	name_request(&request, name);
	if (ioctl(fd, SIOCGIFHWADDR, &request) < 0) {
		int err = -errno;

		snprintf(ret_wrong, PREFLIGHT_TEXT_MAX, "%s: %s", name,
			 err == -ENODEV ? "there is no such interface" : strerror(-err));
		return err;
	}
	if (request.ifr_hwaddr.sa_family != ARPHRD_ETHER) {
		snprintf(
			ret_wrong, PREFLIGHT_TEXT_MAX,
			"%s: not an Ethernet interface (link type %u): leave it out of \"interfaces\"",
			name, request.ifr_hwaddr.sa_family);
		return -EINVAL;
	}
	name_request(&request, name);
	if (ioctl(fd, SIOCGIFMTU, &request) == 0) {
		preflight.mtu = (uint32_t)request.ifr_mtu;
	}
	read_driver(fd, name, &preflight);
	read_offloads(fd, name, &preflight);
	*ret_preflight = preflight;
	return 0;
}

void preflight_advice(const struct preflight *preflight, char ret_advice[PREFLIGHT_TEXT_MAX])
{
	ret_advice[0] = '\0';
	if (preflight->lro) {
		snprintf(ret_advice, PREFLIGHT_TEXT_MAX,
			 "large receive offload is on: ethtool -K <interface> lro off");
	} else if (preflight->mtu > PREFLIGHT_MTU_XDP) {
		snprintf(ret_advice, PREFLIGHT_TEXT_MAX,
			 "MTU %u: most drivers run XDP up to %u only", preflight->mtu,
			 PREFLIGHT_MTU_XDP);
	}
}
