// SPDX-License-Identifier: GPL-2.0-only
/*
 * The worked example of requirement 99, to the letter: five connections of two hosts to two
 * servers, three ports, and a port that comes back 65 seconds after its connection was closed.
 */
#include "talk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <bpf/bpf.h>
#include <cmocka.h>

#define HOST_1 IP(10, 0, 0, 1)
#define HOST_2 IP(10, 2, 0, 1)
#define PUBLIC IP(65, 52, 1, 1)
#define SERVER_1 IP(23, 53, 254, 142)
#define SERVER_2 IP(26, 108, 254, 155)
#define FIRST_PORT 1234
#define PORTS 3
/* Ports are chosen at random: the ones of the example come once in 18 times. */
#define TRIES 3000

static void set(int map, const void *key, const void *value)
{
	assert_int_equal(bpf_map_update_elem(map, key, value, BPF_ANY), 0);
}

static void add_subnet(__be32 addr)
{
	const struct natgw_subnet_key key = { .prefix_len = 24, .addr = addr };
	const struct natgw_subnet row = { .table = 1 };

	set(walk.bench->subnets, &key, &row);
}

static void configure(void)
{
	/* Azure's. */
	const __u32 seconds[NATGW_TIMER_COUNT] = { 30, 240, 240, 240, 60, 65, 16, 30, 65, 0, 0 };
	const struct natgw_pool_row pool = { .addr = PUBLIC };
	const struct natgw_address address = { .kind = NATGW_ADDRESS_EIP, .gateway = 1 };
	struct natgw_gateway gateway = bench_gateway();
	__u32 first = NATGW_POOL_ROWS_PER_GATEWAY;
	__be32 addr = PUBLIC;

	walk_again();
	bench_range(&gateway, FIRST_PORT, PORTS, 0);
	bench_timers(gateway.timeout, seconds);
	bench_set_gateway(walk.bench, &gateway);
	add_subnet(IP(10, 0, 0, 0));
	add_subnet(IP(10, 2, 0, 0));
	set(walk.bench->pool, &first, &pool);
	set(walk.bench->addresses, &addr, &address);
}

static struct talk connection(__be32 host, __u16 port, __be32 server)
{
	struct talk talk = talk_new(PROTO_TCP);

	talk.client = host;
	talk.client_port = port;
	talk.remote = server;
	return talk;
}

struct example {
	struct talk flow[6]; /* as they are numbered, from 1 on */
};

static struct example example_new(void)
{
	struct example example = {
		.flow = {
			[1] = connection(HOST_1, 4283, SERVER_1),
			[2] = connection(HOST_1, 4284, SERVER_1),
			[3] = connection(HOST_2, 5768, SERVER_1),
			[4] = connection(HOST_1, 4285, SERVER_2),
			[5] = connection(HOST_2, 5769, SERVER_2),
		},
	};

	return example;
}

/* Flows 1 to 4, by whatever ports they get: distinct ones to the first server, and the fourth to
 * the second server by one of these again. */
static void open_four(struct example *example)
{
	__u32 ports = 0;

	for (int i = 1; i <= 3; i++) {
		talk_open(&example->flow[i]);
		assert_int_equal(example->flow[i].eip, PUBLIC);
		ports |= 1U << (example->flow[i].port - FIRST_PORT);
	}
	assert_int_equal(ports, 7);
	talk_open(&example->flow[4]);
	assert_true(example->flow[4].port >= FIRST_PORT &&
		    example->flow[4].port < FIRST_PORT + PORTS);
}

static bool is_the_example(const struct example *example)
{
	return example->flow[1].port == 1234 && example->flow[2].port == 1235 &&
	       example->flow[3].port == 1236 && example->flow[4].port == 1234;
}

static void test_worked_example(void **state)
{
	struct talk one, other, late;
	struct example example;
	unsigned int tries = 0;

	(void)state;
	do {
		configure();
		example = example_new();
		open_four(&example);
	} while (!is_the_example(&example) && ++tries < TRIES);
	assert_true(is_the_example(&example));
	/* The other two ports to the second server, so that only the one of flow 4 is left. */
	one = connection(HOST_1, 7001, SERVER_2);
	other = connection(HOST_1, 7002, SERVER_2);
	talk_open(&one);
	talk_open(&other);
	talk_close(&example.flow[4]);
	walk_seconds(64);
	assert_int_equal(talk_begin(&example.flow[5]), 0);
	assert_int_equal(walk_counted(NATGW_DROP_PORT_EXHAUSTED), 1);
	walk_seconds(2);
	assert_int_equal(talk_begin(&example.flow[5]), 1234);
	assert_int_equal(example.flow[5].eip, PUBLIC);
	/* The first server's connections have never noticed. */
	for (int i = 1; i <= 3; i++) {
		assert_true(talk_receive(&example.flow[i], ACK, 100));
	}
	late = connection(HOST_2, 5770, SERVER_1);
	assert_int_equal(talk_begin(&late), 0);
}

/* With a port to spare it gets another one before, and does not fail. */
static void test_another_port_before(void **state)
{
	struct example example = example_new();

	(void)state;
	configure();
	open_four(&example);
	talk_close(&example.flow[4]);
	walk_seconds(64);
	assert_true(talk_begin(&example.flow[5]) > 0);
	assert_int_not_equal(example.flow[5].port, example.flow[4].port);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WALK_TEST(test_worked_example),
		WALK_TEST(test_another_port_before),
	};
	int failed;

	walk.bench = bench_open(1024);
	bench_ip("route add 10.2.0.0/16 via 10.0.1.11\n");
	failed = cmocka_run_group_tests_name("worked example", tests, NULL, NULL);
	bench_close(walk.bench);
	return failed;
}
