/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The life of gateways and EIPs: the table of states, every failure code by a real cause, quotas,
 * and how long failed and deleted ones are remembered.
 */
#include "apply_maps.h"

#include <linux/rtnetlink.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config_tag.h"
#include "lifecycle_internal.h"
#include "nldump.h"

#define IFINDEX_EXTERNAL 2
#define IFINDEX_INTERNAL 1 /* where apply_maps.h has the host's addresses */

/* ---- the host's routes ---- */

struct host_route {
	const char *to; /* address; NULL: none */
	uint32_t ifindex;
	uint8_t len;
	bool connected;
};

static struct host_route host_routes[4];
static int routes_error;

int nldump_run(uint16_t type, const void *message, size_t size, mnl_cb_t fn, void *arg)
{
	int status = MNL_CB_OK;

	(void)message;
	(void)size;
	assert_int_equal(type, RTM_GETROUTE);
	for (size_t i = 0; i < COUNT(host_routes) && status == MNL_CB_OK; i++) {
		char buffer[256] = { 0 };
		struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
		struct rtmsg *route = mnl_nlmsg_put_extra_header(header, sizeof(*route));

		if (!host_routes[i].to) {
			continue;
		}
		header->nlmsg_type = RTM_NEWROUTE;
		route->rtm_family = AF_INET;
		route->rtm_type = RTN_UNICAST;
		route->rtm_table = RT_TABLE_MAIN;
		route->rtm_dst_len = host_routes[i].len;
		route->rtm_protocol = host_routes[i].connected ? RTPROT_KERNEL : RTPROT_STATIC;
		if (host_routes[i].len) {
			mnl_attr_put_u32(header, RTA_DST, inet_addr(host_routes[i].to));
		}
		mnl_attr_put_u32(header, RTA_OIF, host_routes[i].ifindex);
		status = fn(header, arg);
	}
	return routes_error;
}

static void set_route(const char *to, uint8_t len, uint32_t ifindex, bool connected)
{
	memset(host_routes, 0, sizeof(host_routes));
	host_routes[0] = (struct host_route){ to, ifindex, len, connected };
}

/* ---- a natgwd ---- */

#define HEAD                                             \
	"interfaces: {external: eth0, internal: eth1}\n" \
	"route_tables: [{name: t, subnets: [10.0.0.0/8], routes: [{to: 0.0.0.0/0, target: blackhole}]}]\n"
#define GATEWAY(name, last) \
	"{name: " name ", private_ip: 10.0.0." last ", eips: [203.0.113." last "]}"

static char folder[] = "/tmp/natgw-life-XXXXXX";
static char run_path[64];

static void add_iface(struct natgwd_state *state, const char *name, uint8_t flags, uint32_t ifindex)
{
	struct iface_state *iface = &state->ifaces[state->iface_count++];

	snprintf(iface->name, sizeof(iface->name), "%s", name);
	iface->flags = flags;
	iface->ifindex = ifindex;
	iface->attach = IFACE_ATTACH_TC;
	iface->up = true;
	iface->mtu = 1500;
}

static struct natgwd_state *start_life(void)
{
	struct natgwd_state *state = start();

	routes_error = 0;
	set_route("0.0.0.0", 0, IFINDEX_EXTERNAL, false);
	add_iface(state, "eth0", NATGW_IFACE_EXTERNAL, IFINDEX_EXTERNAL);
	add_iface(state, "eth1", NATGW_IFACE_INTERNAL, IFINDEX_INTERNAL);
	assert_int_equal(lifecycle_open(state, NULL, run_path), 0);
	return state;
}

static void stop_life(struct natgwd_state *state)
{
	lifecycle_close(state);
	lifecycle_remove(run_path);
	stop(state);
}

static void apply_gateways(struct natgwd_state *state, const char *gateways, const char *more)
{
	_cleanup_free_ char *text = NULL;

	assert_true(asprintf(&text, HEAD "gateways: [%s]\n%s", gateways, more) > 0);
	assert_int_equal(try_text(state, text), 0);
}

/* What lifecycle_check_create says of this gateway beside those of the running config. */
static enum lifecycle_code check(struct natgwd_state *state, const char *gateway,
				 struct lifecycle_failure *ret_failure)
{
	_cleanup_free_ char *text = NULL;
	struct config *config;
	int err;

	assert_true(asprintf(&text, HEAD "gateways: [%s]\n", gateway) > 0);
	config = parse(text);
	memset(ret_failure, 0, sizeof(*ret_failure));
	err = lifecycle_check_create(state, state->config, &config->gateways[0], ret_failure);
	config_free(config);
	assert_int_equal(err, ret_failure->code ? -EPERM : 0);
	return ret_failure->code;
}

#define assert_says(failure, text) assert_non_null(strstr((failure).message, text))

/* ---- the table ---- */

static void test_transitions(void **unused)
{
	/* From, down; to, across: none, pending, available, failed, deleting, deleted. */
	static const bool legal[6][6] = {
		[NATGW_GATEWAY_NONE] = { 0, 1, 0, 0, 0, 0 },
		[NATGW_GATEWAY_PENDING] = { 0, 0, 1, 1, 0, 1 },
		[NATGW_GATEWAY_AVAILABLE] = { 0, 0, 0, 0, 1, 0 },
		[NATGW_GATEWAY_FAILED] = { 0, 1, 0, 0, 0, 1 },
		[NATGW_GATEWAY_DELETING] = { 0, 1, 0, 0, 0, 1 },
		[NATGW_GATEWAY_DELETED] = { 0, 1, 0, 0, 0, 0 },
	};

	(void)unused;
	for (unsigned int i = 0; i < 36; i++) {
		assert_int_equal(lifecycle_is_legal(i / 6, i % 6), legal[i / 6][i % 6]);
	}
	assert_false(lifecycle_is_legal(6, NATGW_GATEWAY_PENDING));
	assert_false(lifecycle_is_legal(NATGW_GATEWAY_PENDING, 6));
}

static void test_what_counts(void **unused)
{
	static const bool counts[] = { 0, 1, 1, 0, 1, 0 };

	(void)unused;
	for (unsigned int state = 0; state < COUNT(counts); state++) {
		assert_int_equal(lifecycle_counts(state), counts[state]);
	}
}

static void test_codes(void **unused)
{
	(void)unused;
	for (unsigned int code = 0; code < LIFECYCLE_CODE_COUNT; code++) {
		assert_non_null(lifecycle_code_name(code));
		assert_int_equal(lifecycle_code_of(lifecycle_code_name(code)), code);
	}
	assert_string_equal(lifecycle_code_name(LIFECYCLE_NOT_ATTACHED), "Gateway.NotAttached");
	assert_int_equal(lifecycle_code_of("nonsense"), LIFECYCLE_INTERNAL);
}

static void test_eip_states(void **unused)
{
	static const struct {
		struct lifecycle_eip eip;
		const char *state;
	} rows[] = {
		{ { NATGW_GATEWAY_NONE, false, false, false }, "free" },
		{ { NATGW_GATEWAY_DELETED, false, false, false }, "free" },
		{ { NATGW_GATEWAY_PENDING, false, false, false }, "assigning" },
		{ { NATGW_GATEWAY_PENDING, true, false, false }, "associating" },
		{ { NATGW_GATEWAY_AVAILABLE, true, false, false }, "succeeded" },
		{ { NATGW_GATEWAY_AVAILABLE, true, true, false }, "disassociating" },
		{ { NATGW_GATEWAY_AVAILABLE, true, true, true }, "unassigning" },
		{ { NATGW_GATEWAY_DELETING, true, false, false }, "disassociating" },
		{ { NATGW_GATEWAY_DELETING, true, true, false }, "disassociating" },
		{ { NATGW_GATEWAY_DELETING, false, false, false }, "unassigning" },
		{ { NATGW_GATEWAY_DELETED, true, true, true }, "unassigning" },
		{ { NATGW_GATEWAY_FAILED, true, false, false }, "failed" },
	};

	(void)unused;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_string_equal(lifecycle_eip_state(&rows[i].eip), rows[i].state);
	}
}

static void test_start_codes(void **unused)
{
	static const struct {
		enum lifecycle_stage stage;
		int err;
		const char *release;
		enum lifecycle_code code;
	} rows[] = {
		{ LIFECYCLE_STAGE_LOAD, -EINVAL, "5.10.0-18-amd64", LIFECYCLE_KERNEL_TOO_OLD },
		{ LIFECYCLE_STAGE_LOAD, -EINVAL, "6.0.19", LIFECYCLE_KERNEL_TOO_OLD },
		{ LIFECYCLE_STAGE_LOAD, -EACCES, "6.1.0-18-amd64", LIFECYCLE_LOAD_FAILED },
		{ LIFECYCLE_STAGE_LOAD, -ENOMEM, "6.18.5", LIFECYCLE_MAPS_FAILED },
		{ LIFECYCLE_STAGE_MAPS, -EIO, "6.18.5", LIFECYCLE_MAPS_FAILED },
		{ LIFECYCLE_STAGE_ATTACH, -EBUSY, "6.18.5", LIFECYCLE_ATTACH_FAILED },
		{ LIFECYCLE_STAGE_ATTACH, -EOPNOTSUPP, "6.18.5", LIFECYCLE_NOT_AVAILABLE },
	};

	(void)unused;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(lifecycle_start_code(rows[i].stage, rows[i].err, rows[i].release),
				 rows[i].code);
	}
}

/* ---- codes by their causes ---- */

static void test_a_good_gateway_passes(void **unused)
{
	struct natgwd_state *state = start_life();
	struct lifecycle_failure failure;

	(void)unused;
	apply_gateways(state, GATEWAY("a", "1"), "");
	assert_int_equal(check(state, GATEWAY("b", "2"), &failure), LIFECYCLE_OK);
	stop_life(state);
}

static void test_eip_outside_the_inventory(void **unused)
{
	struct natgwd_state *state = start_life();
	struct lifecycle_failure failure;

	(void)unused;
	apply_gateways(state, GATEWAY("a", "1"), "inventory: [203.0.113.0-203.0.113.7]\n");
	assert_int_equal(check(state, GATEWAY("b", "8"), &failure), LIFECYCLE_EIP_NOT_FOUND);
	assert_says(failure, "203.0.113.8");
	assert_int_equal(check(state, GATEWAY("b", "7"), &failure), LIFECYCLE_OK);
	stop_life(state);
}

/* The four conflicts of requirement 24. */
static void test_eip_in_use(void **unused)
{
	struct natgwd_state *state = start_life();
	struct lifecycle_failure failure;

	(void)unused;
	apply_gateways(state,
		       "{name: a, private_ip: 10.0.0.1, default_snat: off}, " GATEWAY("c", "9"),
		       "one_to_one: [{private: 10.0.0.77, public: 203.0.113.3}]\n"
		       "rules: [{snat: {gateway: a, mark: 1, eips: [203.0.113.4]}}]\n"
		       "port_forwards: [{gateway: c, protocol: tcp, address: 203.0.113.9,"
		       " port: 80, to: 10.0.0.78}]\n");
	assert_int_equal(check(state, GATEWAY("b", "9"), &failure), LIFECYCLE_EIP_IN_USE);
	assert_says(failure, "gateway c");
	assert_int_equal(check(state, GATEWAY("b", "3"), &failure), LIFECYCLE_EIP_IN_USE);
	assert_says(failure, "one_to_one");
	assert_int_equal(check(state, GATEWAY("b", "4"), &failure), LIFECYCLE_EIP_IN_USE);
	assert_says(failure, "gateway a");
	host_addrs[0] = inet_addr("203.0.113.5");
	assert_int_equal(check(state, GATEWAY("b", "5"), &failure), LIFECYCLE_EIP_IN_USE);
	assert_says(failure, "address of this host");
	assert_int_equal(check(state,
			       "{name: b, private_ip: 10.0.0.5,"
			       " eips: [{address: 203.0.113.5, shared: true}]}",
			       &failure),
			 LIFECYCLE_OK);
	stop_life(state);
}

static void test_eip_limit_names_who_has_them(void **unused)
{
	struct natgwd_state *state = start_life();
	struct lifecycle_failure failure;

	(void)unused;
	apply_gateways(state, GATEWAY("a", "1"),
		       "limits: {max_eips: 1}\ninventory: [203.0.113.1-203.0.113.3]\n");
	assert_int_equal(check(state, GATEWAY("b", "2"), &failure), LIFECYCLE_EIP_LIMIT);
	assert_says(failure, "203.0.113.1 (a)");
	assert_says(failure, "203.0.113.2 (free)");
	stop_life(state);
}

static void test_no_address_for_auto(void **unused)
{
	static const char b[] = "{name: b, private_ip: auto, eips: [203.0.113.2]}";
	struct natgwd_state *state = start_life();
	struct lifecycle_failure failure;

	(void)unused;
	apply_gateways(state, GATEWAY("a", "1"), "");
	/* A /30: both of its addresses are private IPs or EIPs. */
	host_addrs[0] = inet_addr("10.0.0.1");
	host_addrs[1] = inet_addr("203.0.113.1");
	assert_int_equal(check(state, b, &failure), LIFECYCLE_NO_ADDRESS);
	host_addrs[1] = inet_addr("10.0.0.2");
	assert_int_equal(check(state, b, &failure), LIFECYCLE_OK);
	stop_life(state);
}

static void test_quota_of_gateways(void **unused)
{
	struct natgwd_state *state = start_life();
	struct lifecycle_failure failure;

	(void)unused;
	apply_gateways(state, GATEWAY("a", "1") ", " GATEWAY("b", "2"),
		       "limits: {max_gateways: 2}\n");
	assert_int_equal(check(state, GATEWAY("c", "3"), &failure), LIFECYCLE_GATEWAY_LIMIT);
	assert_says(failure, "max_gateways");
	/* Itself is none of the others. */
	assert_int_equal(check(state, GATEWAY("b", "2"), &failure), LIFECYCLE_OK);
	/* A deleting one counts, a deleted one does not. */
	apply_gateways(state, GATEWAY("a", "1"), "limits: {max_gateways: 2}\n");
	assert_int_equal(lifecycle_state_of(state, "b"), NATGW_GATEWAY_DELETING);
	assert_int_equal(check(state, GATEWAY("c", "3"), &failure), LIFECYCLE_GATEWAY_LIMIT);
	state->dp->empty = true;
	assert_int_equal(apply_release(state), 0);
	assert_int_equal(lifecycle_state_of(state, "b"), NATGW_GATEWAY_DELETED);
	assert_int_equal(check(state, GATEWAY("c", "3"), &failure), LIFECYCLE_OK);
	/* Nor does a failed one. */
	failure.code = LIFECYCLE_INTERNAL;
	lifecycle_note_failed(state, "d", &failure);
	assert_int_equal(check(state, GATEWAY("c", "3"), &failure), LIFECYCLE_OK);
	stop_life(state);
}

static void test_quota_of_profile_aws(void **unused)
{
	static const char one[] =
		"{name: %c, profile: aws, private_ip: 10.0.0.%d, eips: [203.0.113.%d]}%s";
	struct natgwd_state *state = start_life();
	struct lifecycle_failure failure;
	char text[1024] = "";
	size_t length = 0;

	(void)unused;
	for (int i = 1; i <= 5; i++) {
		length += (size_t)snprintf(text + length, sizeof(text) - length, one, 'a' + i, i, i,
					   i < 5 ? ", " : "");
	}
	apply_gateways(state, text, "");
	for (char name[] = "b"; name[0] < 'g'; name[0]++) {
		assert_int_equal(lifecycle_state_of(state, name), NATGW_GATEWAY_AVAILABLE);
	}
	snprintf(text, sizeof(text), one, 'x', 9, 9, "");
	assert_int_equal(check(state, text, &failure), LIFECYCLE_GATEWAY_LIMIT);
	assert_int_equal(check(state, GATEWAY("x", "9"), &failure), LIFECYCLE_OK);
	stop_life(state);
}

static void test_the_external_side(void **unused)
{
	struct natgwd_state *state = start_life();
	struct iface_state *external = &state->ifaces[0];
	struct lifecycle_failure failure;

	(void)unused;
	apply_gateways(state, GATEWAY("a", "1"), "");
	set_route(NULL, 0, 0, false);
	assert_int_equal(check(state, GATEWAY("b", "2"), &failure), LIFECYCLE_NOT_ATTACHED);
	assert_says(failure, "ip route add default");
	set_route("0.0.0.0", 0, IFINDEX_INTERNAL, false);
	assert_int_equal(check(state, GATEWAY("b", "2"), &failure), LIFECYCLE_NOT_ATTACHED);
	routes_error = -ENOBUFS;
	assert_int_equal(check(state, GATEWAY("b", "2"), &failure), LIFECYCLE_INTERNAL);
	assert_says(failure, strerror(ENOBUFS));
	routes_error = 0;
	set_route("0.0.0.0", 0, IFINDEX_EXTERNAL, false);
	external->up = false;
	assert_int_equal(check(state, GATEWAY("b", "2"), &failure), LIFECYCLE_NOT_ATTACHED);
	assert_says(failure, "eth0 is down");
	external->up = true;
	external->attach = IFACE_ATTACH_NONE;
	assert_int_equal(check(state, GATEWAY("b", "2"), &failure), LIFECYCLE_ATTACH_FAILED);
	state->config->attach = CONFIG_ATTACH_XDP;
	snprintf(external->attach_reason, sizeof(external->attach_reason), "no ndo_bpf");
	assert_int_equal(check(state, GATEWAY("b", "2"), &failure), LIFECYCLE_NOT_AVAILABLE);
	assert_says(failure, "no ndo_bpf");
	stop_life(state);
}

/* Does the host have a way for a gateway whose only route is this one? */
static bool has_way(const struct natgwd_state *state, const char *to)
{
	_cleanup_free_ char *text = NULL;
	struct config *config;
	int err;

	assert_true(asprintf(&text,
			     "interfaces: {external: eth0, internal: eth1}\n"
			     "gateways: [{name: a, private_ip: 10.0.0.1, eips: [203.0.113.1]}]\n"
			     "route_tables: [{name: t, subnets: [10.0.0.0/8],"
			     " routes: [{to: %s, target: gateway:a}]}]\n",
			     to) > 0);
	config = parse(text);
	err = lifecycle_route_check(state, config, &config->gateways[0]);
	config_free(config);
	assert_true(err == 0 || err == -ENETUNREACH);
	return err == 0;
}

static void test_routes_that_serve(void **unused)
{
	static const struct {
		struct host_route route;
		const char *to; /* the gateway's */
		bool serves;
	} rows[] = {
		{ { "0.0.0.0", IFINDEX_EXTERNAL, 0, false }, "192.0.2.0/24", true },
		{ { "192.0.0.0", IFINDEX_EXTERNAL, 16, false }, "192.0.2.0/24", true },
		{ { "192.0.2.128", IFINDEX_EXTERNAL, 25, false }, "192.0.2.0/24", true },
		{ { "192.0.2.128", IFINDEX_EXTERNAL, 25, true }, "192.0.2.0/24", false },
		{ { "192.0.2.0", IFINDEX_EXTERNAL, 24, true }, "192.0.2.0/24", true },
		{ { "192.0.3.0", IFINDEX_EXTERNAL, 24, false }, "192.0.2.0/24", false },
		{ { "192.0.2.0", IFINDEX_INTERNAL, 24, false }, "192.0.2.0/24", false },
		{ { "192.0.3.0", IFINDEX_EXTERNAL, 24, true }, "0.0.0.0/0", false },
	};
	struct natgwd_state *state = start_life();

	(void)unused;
	for (size_t i = 0; i < COUNT(rows); i++) {
		host_routes[0] = rows[i].route;
		assert_int_equal(has_way(state, rows[i].to), rows[i].serves);
	}
	stop_life(state);
}

/* ---- gateways of the config ---- */

static void test_a_gateway_waits_for_its_route(void **unused)
{
	struct natgwd_state *state = start_life();
	const struct lifecycle_record *record;

	(void)unused;
	set_route(NULL, 0, 0, false);
	apply_gateways(state, GATEWAY("a", "1"), "");
	assert_int_equal(lifecycle_state_of(state, "a"), NATGW_GATEWAY_FAILED);
	assert_int_equal(state->dp->gateways[1].state, NATGW_GATEWAY_FAILED);
	record = lifecycle_find(state, "a");
	assert_int_equal(record->failure.code, LIFECYCLE_NOT_ATTACHED);
	assert_true(state->gateways[1].reason[0]);
	/* It lives in the config: nothing forgets it. */
	assert_int_equal(lifecycle_record_expires_s(record, record->since + 9999), -1);
	lifecycle_host_changed(state, NETDEV_CHANGED_ROUTES);
	assert_int_equal(lifecycle_state_of(state, "a"), NATGW_GATEWAY_FAILED);
	set_route("0.0.0.0", 0, IFINDEX_EXTERNAL, false);
	lifecycle_host_changed(state, NETDEV_CHANGED_ROUTES);
	assert_int_equal(lifecycle_state_of(state, "a"), NATGW_GATEWAY_AVAILABLE);
	assert_int_equal(state->dp->gateways[1].state, NATGW_GATEWAY_AVAILABLE);
	assert_int_equal(lifecycle_find(state, "a")->failure.code, LIFECYCLE_OK);
	assert_string_equal(state->gateways[1].reason, "");
	/* What is available stays so. */
	set_route(NULL, 0, 0, false);
	lifecycle_host_changed(state, NETDEV_CHANGED_ROUTES);
	apply_gateways(state, GATEWAY("a", "1"), "");
	assert_int_equal(lifecycle_state_of(state, "a"), NATGW_GATEWAY_AVAILABLE);
	stop_life(state);
}

static void test_a_gateway_waits_for_its_address(void **unused)
{
	static const char b[] = "{name: b, private_ip: auto, eips: [203.0.113.2]}";
	struct natgwd_state *state = start_life();

	(void)unused;
	apply_gateways(state, b, "");
	assert_int_equal(lifecycle_state_of(state, "b"), NATGW_GATEWAY_FAILED);
	assert_int_equal(lifecycle_find(state, "b")->failure.code, LIFECYCLE_NO_ADDRESS);
	host_addrs[0] = inet_addr("10.0.0.9");
	lifecycle_host_changed(state, NETDEV_CHANGED_ADDRS);
	assert_int_equal(lifecycle_state_of(state, "b"), NATGW_GATEWAY_AVAILABLE);
	assert_int_equal(state->dp->gateways[1].private_ip, host_addrs[0]);
	/* It keeps it, although another one comes first. */
	host_addrs[1] = host_addrs[0];
	host_addrs[0] = inet_addr("10.0.0.8");
	lifecycle_prepare(state, state->config);
	assert_int_equal(state->config->gateways[0].private_ip, host_addrs[1]);
	stop_life(state);
}

static uint8_t target_of(const struct natgwd_state *state, const char *to)
{
	for (size_t i = 0; i < state->dp->routes.count; i++) {
		if (state->dp->routes.rows[i].key.addr == inet_addr(to)) {
			return state->dp->routes.rows[i].row.target;
		}
	}
	return 0;
}

static void apply_route_to_a(struct natgwd_state *state, const char *gateways, const char *more)
{
	_cleanup_free_ char *text = NULL;

	assert_true(asprintf(&text,
			     "interfaces: {external: eth0, internal: eth1}\ngateways: [%s]\n"
			     "route_tables: [{name: t, subnets: [10.0.0.0/8],"
			     " routes: [{to: 192.0.2.0/24, target: gateway:a%s}]}]\n",
			     gateways, more) > 0);
	assert_int_equal(try_text(state, text), 0);
}

static void test_routes_of_a_deleted_gateway_stay(void **unused)
{
	struct natgwd_state *state = start_life();

	(void)unused;
	apply_route_to_a(state, GATEWAY("a", "1") ", " GATEWAY("b", "2"), "");
	assert_int_equal(target_of(state, "192.0.2.0"), NATGW_TARGET_GATEWAY);
	/* Sessions go on by it while it is deleting. */
	apply_route_to_a(state, GATEWAY("b", "2"), ", state: blackhole");
	assert_int_equal(state->dp->gateways[1].state, NATGW_GATEWAY_DELETING);
	assert_int_equal(target_of(state, "192.0.2.0"), NATGW_TARGET_GATEWAY);
	assert_int_equal(apply_release(state), 0);
	assert_int_equal(state->dp->gateways[1].state, NATGW_GATEWAY_DELETING);
	state->dp->empty = true;
	assert_int_equal(apply_release(state), 0);
	assert_int_equal(state->dp->gateways[1].state, NATGW_GATEWAY_DELETED);
	assert_int_equal(target_of(state, "192.0.2.0"), NATGW_TARGET_BLACKHOLE);
	/* A create that fails is not hidden by the one that was deleted. */
	lifecycle_note_failed(state, "a", &(struct lifecycle_failure){ LIFECYCLE_EIP_IN_USE, "x" });
	assert_int_equal(lifecycle_state_of(state, "a"), NATGW_GATEWAY_FAILED);
	/* A new one of that name. */
	apply_route_to_a(state, GATEWAY("a", "1") ", " GATEWAY("b", "2"), "");
	assert_int_equal(lifecycle_state_of(state, "a"), NATGW_GATEWAY_AVAILABLE);
	assert_int_equal(target_of(state, "192.0.2.0"), NATGW_TARGET_GATEWAY);
	stop_life(state);
}

static void a_carries_sessions(const struct datapath *dp)
{
	assert_true(dp->gateways[1].state == NATGW_GATEWAY_AVAILABLE ||
		    dp->gateways[1].state == NATGW_GATEWAY_DELETING);
}

static void test_a_deleting_gateway_is_taken_in_again(void **unused)
{
	struct natgwd_state *state = start_life();

	(void)unused;
	apply_gateways(state, GATEWAY("a", "1") ", " GATEWAY("b", "2"), "");
	apply_gateways(state, GATEWAY("b", "2"), "");
	assert_int_equal(lifecycle_state_of(state, "a"), NATGW_GATEWAY_DELETING);
	state->dp->watch = a_carries_sessions;
	apply_gateways(state, GATEWAY("a", "1") ", " GATEWAY("b", "2"), "");
	state->dp->watch = NULL;
	assert_int_equal(lifecycle_state_of(state, "a"), NATGW_GATEWAY_AVAILABLE);
	assert_int_equal(state->dp->gateways[1].state, NATGW_GATEWAY_AVAILABLE);
	stop_life(state);
}

/* ---- what is remembered ---- */

static void test_records_are_kept_for_an_hour(void **unused)
{
	static const struct {
		enum natgw_gateway_state state;
		uint32_t index;
		bool goes;
	} rows[] = {
		{ NATGW_GATEWAY_FAILED, 0, true },     { NATGW_GATEWAY_DELETED, 0, true },
		{ NATGW_GATEWAY_DELETED, 3, true },    { NATGW_GATEWAY_FAILED, 3, false },
		{ NATGW_GATEWAY_AVAILABLE, 3, false }, { NATGW_GATEWAY_DELETING, 3, false },
		{ NATGW_GATEWAY_PENDING, 3, false },
	};

	(void)unused;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct lifecycle_records records = { .rows = NULL };
		struct lifecycle_record *record = lifecycle_records_get(&records, "a", 1000);

		record->state = rows[i].state;
		record->index = rows[i].index;
		assert_false(lifecycle_records_purge(&records, 1000 + 3599, NULL, NULL));
		assert_non_null(lifecycle_records_find(&records, "a"));
		assert_int_equal(lifecycle_records_purge(&records, 1000 + 3601, NULL, NULL),
				 rows[i].goes);
		assert_int_equal(records.count, !rows[i].goes);
		free(records.rows);
	}
}

static void test_a_full_list_forgets_the_oldest(void **unused)
{
	struct lifecycle_records records = { .rows = NULL };
	char name[16];

	(void)unused;
	for (int i = 0; i < LIFECYCLE_RECORDS_MAX; i++) {
		snprintf(name, sizeof(name), "g%d", i);
		lifecycle_records_get(&records, name, 1000 + i)->state = NATGW_GATEWAY_FAILED;
	}
	assert_non_null(lifecycle_records_get(&records, "new", 2000));
	assert_null(lifecycle_records_find(&records, "g0"));
	assert_non_null(lifecycle_records_find(&records, "g1"));
	for (size_t i = 0; i < records.count; i++)
		records.rows[i].state = NATGW_GATEWAY_AVAILABLE;
	assert_null(lifecycle_records_get(&records, "newer", 2000));
	free(records.rows);
}

static void test_the_file_reads_back(void **unused)
{
	struct lifecycle_records records = { .rows = NULL };
	struct lifecycle_records again = { .rows = NULL };
	struct lifecycle_record *record = lifecycle_records_get(&records, "a", 1000);
	_cleanup_fclose_ FILE *stream = NULL;
	char path[PATH_MAX / 8];

	(void)unused;
	lifecycle_records_path(run_path, path);
	assert_int_equal(lifecycle_records_load(&again, path), 0);
	record->state = NATGW_GATEWAY_FAILED;
	record->failure.code = LIFECYCLE_EIP_IN_USE;
	snprintf(record->failure.message, sizeof(record->failure.message), "\"quoted\"\n\\");
	record->private_ip = inet_addr("10.0.0.255");
	record->since = 1234;
	assert_int_equal(lifecycle_records_save(&records, path), 0);
	assert_int_equal(lifecycle_records_load(&again, path), 0);
	assert_int_equal(again.count, 1);
	assert_memory_equal(&again.rows[0], record, sizeof(*record));
	/* Damaged: nothing of it counts. */
	stream = fopen(path, "w");
	assert_true(fputs("[{\"name\": 1}]", stream) > 0 && fflush(stream) == 0);
	assert_int_equal(lifecycle_records_load(&again, path), -EINVAL);
	assert_int_equal(again.count, 0);
	lifecycle_remove(run_path);
	assert_int_equal(access(path, F_OK), -1);
	free(records.rows);
	free(again.rows);
}

static void test_a_place_that_takes_no_file(void **unused)
{
	struct lifecycle_records records = { .rows = NULL };

	(void)unused;
	lifecycle_records_get(&records, "a", 1);
	assert_int_equal(lifecycle_records_save(&records, "/proc/natgw.json"), -ENOENT);
	free(records.rows);
}

/* A new process: the maps and the file are there. */
static void test_a_restart(void **unused)
{
	struct natgwd_state *state = start_life();
	struct lifecycle_failure failure = { LIFECYCLE_EIP_LIMIT, "too many" };
	char path[PATH_MAX / 8];

	(void)unused;
	apply_gateways(state, GATEWAY("a", "1") ", " GATEWAY("b", "2"), "");
	apply_gateways(state, GATEWAY("a", "1"), "");
	lifecycle_note_failed(state, "c", &failure);
	lifecycle_note_failed(state, "a", &failure);
	lifecycle_records_path(run_path, path);
	assert_int_equal(lifecycle_records_save(&state->lifecycle->records, path), 0);
	lifecycle_close(state);
	memset(state->gateways, 0, sizeof(state->gateways));
	assert_int_equal(lifecycle_open(state, NULL, run_path), 0);
	assert_string_equal(state->gateways[2].name, "b");
	apply_gateways(state, GATEWAY("a", "1"), "");
	assert_int_equal(lifecycle_state_of(state, "a"), NATGW_GATEWAY_AVAILABLE);
	assert_int_equal(lifecycle_state_of(state, "b"), NATGW_GATEWAY_DELETING);
	assert_int_equal(lifecycle_state_of(state, "c"), NATGW_GATEWAY_FAILED);
	assert_string_equal(lifecycle_find(state, "c")->failure.message, "too many");
	assert_int_equal(lifecycle_forget_failed(state, "a"), -ENOENT);
	assert_int_equal(lifecycle_forget_failed(state, "c"), 0);
	assert_int_equal(lifecycle_state_of(state, "c"), NATGW_GATEWAY_NONE);
	stop_life(state);
}

/* ---- tags ---- */

static void test_tags(void **unused)
{
	struct config_gateway gateway = { .tag_count = 0 };
	char long_value[CONFIG_TAG_VALUE_MAX + 1];
	char name[16];

	(void)unused;
	memset(long_value, 'x', sizeof(long_value) - 1);
	long_value[sizeof(long_value) - 1] = '\0';
	assert_int_equal(config_tag_set(&gateway, "team", "a \"b\" \\"), 0);
	assert_int_equal(config_tag_set(&gateway, "cost-centre", "1"), 0);
	assert_int_equal(config_tag_set(&gateway, "cost.centre", "1"), -EEXIST);
	assert_int_equal(config_tag_set(&gateway, "no blank", "1"), -EINVAL);
	assert_int_equal(config_tag_set(&gateway, "x", "tab\t"), -EINVAL);
	assert_int_equal(config_tag_set(&gateway, "x", long_value), -EINVAL);
	assert_int_equal(config_tag_set(&gateway, "x", long_value + 1), 0);
	assert_int_equal(config_tag_set(&gateway, "x", ""), 0);
	assert_int_equal(gateway.tag_count, 2);
	for (int i = 2; i < CONFIG_TAGS_MAX; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		assert_int_equal(config_tag_set(&gateway, name, "v"), 0);
	}
	assert_int_equal(config_tag_set(&gateway, "more", "v"), -ENOSPC);
	assert_int_equal(config_tag_set(&gateway, "n3", "w"), 0);
	free(gateway.tags);
}

static void test_metrics_have_the_tags(void **unused)
{
	struct natgwd_state *state = start_life();
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);

	(void)unused;
	apply_gateways(state,
		       "{name: a, private_ip: 10.0.0.1, eips: [203.0.113.1],"
		       " tags: {team: red, cost-centre: 'a \"b\" \\'}}",
		       "inventory: [203.0.113.0/30]\n");
	lifecycle_metrics(state, stream);
	assert_int_equal(fclose(stream), 0);
	assert_non_null(strstr(text, "natgw_gateway_info{gateway=\"a\",private_ip=\"10.0.0.1\","
				     "profile=\"natgw\",tag_team=\"red\","
				     "tag_cost_centre=\"a \\\"b\\\" \\\\\"} 1\n"));
	assert_non_null(strstr(text, "natgw_gateway_state{gateway=\"a\",state=\"available\"} 1\n"));
	assert_non_null(strstr(text, "natgw_eip_state{gateway=\"a\",eip=\"203.0.113.1\","
				     "state=\"succeeded\"} 1\n"));
	assert_non_null(strstr(
		text, "natgw_eip_state{gateway=\"\",eip=\"203.0.113.2\",state=\"free\"} 1\n"));
	assert_non_null(strstr(text, "natgw_drift{kind=\"mtu\",interface=\"eth0\"} 0\n"));
	stop_life(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_transitions),
		cmocka_unit_test(test_what_counts),
		cmocka_unit_test(test_codes),
		cmocka_unit_test(test_eip_states),
		cmocka_unit_test(test_start_codes),
		cmocka_unit_test(test_a_good_gateway_passes),
		cmocka_unit_test(test_eip_outside_the_inventory),
		cmocka_unit_test(test_eip_in_use),
		cmocka_unit_test(test_eip_limit_names_who_has_them),
		cmocka_unit_test(test_no_address_for_auto),
		cmocka_unit_test(test_quota_of_gateways),
		cmocka_unit_test(test_quota_of_profile_aws),
		cmocka_unit_test(test_the_external_side),
		cmocka_unit_test(test_routes_that_serve),
		cmocka_unit_test(test_a_gateway_waits_for_its_route),
		cmocka_unit_test(test_a_gateway_waits_for_its_address),
		cmocka_unit_test(test_routes_of_a_deleted_gateway_stay),
		cmocka_unit_test(test_a_deleting_gateway_is_taken_in_again),
		cmocka_unit_test(test_records_are_kept_for_an_hour),
		cmocka_unit_test(test_a_full_list_forgets_the_oldest),
		cmocka_unit_test(test_the_file_reads_back),
		cmocka_unit_test(test_a_place_that_takes_no_file),
		cmocka_unit_test(test_a_restart),
		cmocka_unit_test(test_tags),
		cmocka_unit_test(test_metrics_have_the_tags),
	};
	int failed;

	if (!mkdtemp(folder)) {
		return 1;
	}
	snprintf(run_path, sizeof(run_path), "%s/pins.run", folder);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(folder);
	return failed;
}
