// SPDX-License-Identifier: GPL-2.0-only
/*
 * The session log's records and sinks, without a data path: the form of a line, a file that is
 * rotated, full and moved, and collectors that come, go and do not read. Of each sink, records +
 * lost is what it was given. In a network namespace of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "log.h"
#include "session_log_internal.h"

#define PORT 4739
#define IPFIX_VERSION 10
#define HEADER_BYTES 16
#define SET_TEMPLATES 2

static char folder[] = "/tmp/natgw-session-log-XXXXXX";

static const struct natgw_log_record session = {
	.packets_out = 12,
	.bytes_out = 3456,
	.packets_in = INT64_MAX,
	.bytes_in = 0,

	.id = 4000000000,
	.proto = IPPROTO_TCP,
	.kind = NATGW_LOG_CLOSED,
	.cause = NATGW_CLOSE_FIN,
	.idle = 1000,
};

static struct natgw_log_record make_session(void)
{
	struct natgw_log_record made = session;

	assert_int_equal(inet_pton(AF_INET, "10.0.1.10", &made.client), 1);
	assert_int_equal(inet_pton(AF_INET, "198.51.100.50", &made.ext_addr), 1);
	assert_int_equal(inet_pton(AF_INET, "203.0.113.255", &made.rem_addr), 1);
	made.client_port = htons(12345);
	made.ext_port = htons(1024);
	made.rem_port = htons(8080);
	made.orig_port = htons(80);
	return made;
}

static struct session_log_entry make_entry(enum session_log_event event,
					   const struct natgw_log_record *made)
{
	return (struct session_log_entry){
		.event = event,
		.time_ms = 1769862896007, /* 2026-01-31T12:34:56.007Z */
		.gateway = "nat-a",
		.session = made,
		.verdict = NATGW_DROP_CLIENT_QUOTA,
		.limit = 100,
		.used = 7,
		.held = 1,
	};
}

/* ---- lines ---- */

static void write_line(const struct session_log_entry *entry, char line[SESSION_LOG_LINE_MAX + 1])
{
	struct session_log_stamp stamp = { 0 };
	const size_t length = session_log_json(entry, &stamp, line);

	assert_in_range(length, 1, SESSION_LOG_LINE_MAX);
	line[length] = '\0';
}

static json_t *parse(const char *line)
{
	json_error_t error;
	json_t *parsed = json_loads(line, JSON_REJECT_DUPLICATES, &error);

	assert_non_null(parsed);
	return parsed;
}

static void test_line_of_a_closed_session(void **state)
{
	const struct natgw_log_record made = make_session();
	const struct session_log_entry entry = make_entry(SESSION_LOG_CLOSED, &made);
	char line[SESSION_LOG_LINE_MAX + 1];

	(void)state;
	write_line(&entry, line);
	assert_string_equal(
		line, "{\"time\":\"2026-01-31T12:34:56.007Z\",\"event\":\"closed\","
		      "\"allocation_status\":\"OK\",\"id\":4000000000,\"protocol\":\"tcp\","
		      "\"gateway\":\"nat-a\",\"internal_src_address\":\"10.0.1.10\","
		      "\"internal_src_port\":12345,\"internal_dst_address\":\"203.0.113.255\","
		      "\"internal_dst_port\":80,\"external_src_address\":\"198.51.100.50\","
		      "\"external_src_port\":1024,\"external_dst_address\":\"203.0.113.255\","
		      "\"external_dst_port\":8080,\"cause\":\"fin\",\"packets_out\":12,"
		      "\"bytes_out\":3456,\"packets_in\":9223372036854775807,\"bytes_in\":0,"
		      "\"idle_ms\":1048}\n");
}

static void test_line_of_a_created_session(void **state)
{
	const struct natgw_log_record made = make_session();
	const struct session_log_entry entry = make_entry(SESSION_LOG_CREATED, &made);
	char line[SESSION_LOG_LINE_MAX + 1];

	(void)state;
	write_line(&entry, line);
	json_t *parsed = parse(line);

	assert_string_equal(json_string_value(json_object_get(parsed, "event")), "created");
	assert_null(json_object_get(parsed, "cause"));
	assert_null(json_object_get(parsed, "packets_out"));
	json_decref(parsed);
}

static void test_line_of_a_refused_session(void **state)
{
	struct natgw_log_record made = make_session();
	const struct session_log_entry entry = make_entry(SESSION_LOG_QUOTA_EXCEEDED, &made);
	char line[SESSION_LOG_LINE_MAX + 1];

	(void)state;
	made.ext_addr = 0;
	write_line(&entry, line);
	json_t *parsed = parse(line);

	assert_string_equal(json_string_value(json_object_get(parsed, "event")), "quota_exceeded");
	assert_string_equal(json_string_value(json_object_get(parsed, "allocation_status")),
			    "DROPPED");
	assert_string_equal(json_string_value(json_object_get(parsed, "cause")), "client_quota");
	assert_int_equal(json_integer_value(json_object_get(parsed, "limit")), 100);
	assert_true(json_is_null(json_object_get(parsed, "external_src_address")));
	assert_true(json_is_null(json_object_get(parsed, "external_src_port")));
	assert_true(json_is_null(json_object_get(parsed, "id")));
	json_decref(parsed);
}

/* Threat 44: a name cannot end a line, a string, or write to a terminal. */
static void test_a_name_injects_nothing(void **state)
{
	struct natgw_log_record made = make_session();
	struct session_log_entry entry = make_entry(SESSION_LOG_CLOSED, &made);
	char line[SESSION_LOG_LINE_MAX + 1];
	char name[1000];

	(void)state;
	entry.gateway = "a\",\"event\":\"created\"}\n{\"\\\x1b[2J\xff\x7f";
	write_line(&entry, line);
	for (const char *at = line; at[1]; at++) {
		assert_in_range((unsigned char)*at, 0x20, 0x7e);
	}
	json_t *parsed = parse(line);

	assert_string_equal(json_string_value(json_object_get(parsed, "event")), "closed");
	assert_memory_equal(json_string_value(json_object_get(parsed, "gateway")), entry.gateway,
			    strlen(entry.gateway) - 2);
	json_decref(parsed);
	/* Everything as long as it can be. */
	memset(name, '\n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	entry.gateway = name;
	made.packets_out = INT64_MAX;
	made.bytes_out = INT64_MAX;
	made.bytes_in = INT64_MAX;
	made.idle = UINT32_MAX;
	made.cause = NATGW_CLOSE_GATEWAY_DELETED;
	write_line(&entry, line);
	json_decref(parse(line));
}

static void test_time_goes_on(void **state)
{
	const struct natgw_log_record made = make_session();
	struct session_log_entry entry = make_entry(SESSION_LOG_CREATED, &made);
	struct session_log_stamp stamp = { 0 };
	char line[SESSION_LOG_LINE_MAX];

	(void)state;
	(void)session_log_json(&entry, &stamp, line);
	entry.time_ms += 993;
	(void)session_log_json(&entry, &stamp, line);
	assert_memory_equal(line, "{\"time\":\"2026-01-31T12:34:57.000Z\"", 34);
	entry.time_ms -= 1;
	(void)session_log_json(&entry, &stamp, line);
	assert_memory_equal(line, "{\"time\":\"2026-01-31T12:34:56.999Z\"", 34);
}

/* ---- a file ---- */

struct file_case {
	struct config_log_sink sink;
	struct session_log_tally tally;
	struct session_log_file *file;
	struct natgw_log_record made;
	struct session_log_entry entry;
	time_t now;
};

static void open_case(struct file_case *test, const char *name, uint64_t rotate_size)
{
	struct timespec now;

	memset(test, 0, sizeof(*test));
	(void)snprintf(test->sink.path, sizeof(test->sink.path), "%s/%s", folder, name);
	test->sink.rotate_size = rotate_size;
	test->sink.rotate_keep = 2;
	test->made = make_session();
	test->entry = make_entry(SESSION_LOG_CLOSED, &test->made);
	clock_gettime(CLOCK_MONOTONIC, &now);
	test->now = now.tv_sec;
	assert_int_equal(session_log_file_new(&test->sink, &test->tally, &test->file), 0);
}

static void add_lines(struct file_case *test, unsigned int count)
{
	while (count--)
		session_log_file_add(test->file, &test->entry);
	session_log_file_flush(test->file, test->now);
}

/* Each line of the file is whole; -1: there is no such file. */
static int lines_of(const struct file_case *test, const char *suffix)
{
	char path[CONFIG_PATH_MAX + 16];
	char line[SESSION_LOG_LINE_MAX + 1];
	int count = 0;

	(void)snprintf(path, sizeof(path), "%s%s", test->sink.path, suffix);

	_cleanup_fclose_ FILE *stream = fopen(path, "r");

	if (!stream) {
		return -1;
	}
	while (fgets(line, sizeof(line), stream)) {
		json_decref(parse(line));
		count++;
	}
	return count;
}

static void test_file_is_written_and_rotated(void **state)
{
	struct file_case test;
	struct stat info;

	(void)state;
	open_case(&test, "rotated", 10000);
	add_lines(&test, 5);
	assert_int_equal(lines_of(&test, ""), 5);
	assert_int_equal(stat(test.sink.path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0640);
	for (int i = 0; i < 20; i++)
		add_lines(&test, 5);
	assert_int_equal(test.tally.records, 105);
	assert_int_equal(test.tally.lost, 0);
	assert_int_equal(stat(test.sink.path, &info), 0);
	assert_in_range(info.st_size, 1, 10000);
	assert_int_equal(lines_of(&test, ".1"), 20);
	assert_int_equal(lines_of(&test, ".2"), 20);
	assert_int_equal(lines_of(&test, ".3"), -1);
	session_log_file_free(test.file);
}

/* More than the buffer holds, and than a file may: no file is larger than asked for. */
static void test_file_takes_many_at_once(void **state)
{
	struct file_case test;

	(void)state;
	open_case(&test, "many", 0);
	add_lines(&test, 5000);
	assert_int_equal(test.tally.records, 5000);
	assert_int_equal(lines_of(&test, ""), 5000);
	session_log_file_free(test.file);
}

static void test_file_that_is_moved_is_made_again(void **state)
{
	struct file_case test;
	char moved[CONFIG_PATH_MAX + 8];

	(void)state;
	open_case(&test, "moved", 0);
	add_lines(&test, 1);
	(void)snprintf(moved, sizeof(moved), "%s.old", test.sink.path);
	assert_int_equal(rename(test.sink.path, moved), 0);
	test.now += 2;
	add_lines(&test, 2);
	assert_int_equal(lines_of(&test, ".old"), 1);
	assert_int_equal(lines_of(&test, ""), 2);
	session_log_file_free(test.file);
}

/* A limit on the size of files stands for the disk that is full. */
static void test_full_disk_is_counted(void **state)
{
	struct file_case test;
	struct rlimit kept;
	struct rlimit small;

	(void)state;
	open_case(&test, "full", 0);
	add_lines(&test, 3);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &kept), 0);
	small = kept;
	small.rlim_cur = 5000; /* ten lines and a part */
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	add_lines(&test, 30);
	add_lines(&test, 1);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &kept), 0);
	assert_int_equal(lines_of(&test, ""), test.tally.records);
	assert_in_range(test.tally.records, 4, 20);
	assert_int_equal(test.tally.records + test.tally.lost, 34);
	add_lines(&test, 2);
	assert_int_equal(lines_of(&test, ""), test.tally.records);
	assert_int_equal(test.tally.records + test.tally.lost, 36);
	session_log_file_free(test.file);
}

static void test_file_begins_after_a_torn_line(void **state)
{
	struct file_case test;
	char path[CONFIG_PATH_MAX];
	char text[8] = "";

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/torn", folder);

	FILE *stream = fopen(path, "w");

	assert_non_null(stream);
	assert_int_equal(fputs("{\"ti", stream), 1);
	assert_int_equal(fclose(stream), 0);
	open_case(&test, "torn", 0);
	add_lines(&test, 1);
	session_log_file_free(test.file);
	stream = fopen(path, "r");
	assert_non_null(stream);
	assert_non_null(fgets(text, sizeof(text), stream));
	assert_string_equal(text, "{\"ti\n");
	assert_int_equal(fgetc(stream), '{');
	assert_int_equal(fclose(stream), 0);
}

/* A folder that is not there yet, a link to elsewhere, and a FIFO: nothing waits, all is counted.
 */
static void test_file_that_cannot_be_opened(void **state)
{
	struct file_case test;
	char path[CONFIG_PATH_MAX];

	(void)state;
	open_case(&test, "later/file", 0);
	add_lines(&test, 4);
	assert_int_equal(test.tally.lost, 4);
	(void)snprintf(path, sizeof(path), "%s/later", folder);
	assert_int_equal(mkdir(path, 0755), 0);
	test.now += SESSION_LOG_RETRY_S + 1;
	add_lines(&test, 2);
	assert_int_equal(test.tally.lost, 4);
	assert_int_equal(lines_of(&test, ""), 2);
	session_log_file_free(test.file);

	(void)snprintf(path, sizeof(path), "%s/link", folder);
	assert_int_equal(symlink("many", path), 0);
	open_case(&test, "link", 0);
	add_lines(&test, 1);
	assert_int_equal(test.tally.lost, 1);
	session_log_file_free(test.file);

	(void)snprintf(path, sizeof(path), "%s/fifo", folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	open_case(&test, "fifo", 0);
	add_lines(&test, 1);
	assert_int_equal(test.tally.lost, 1);
	session_log_file_free(test.file);
}

/* ---- messages ---- */

static unsigned int get16(const uint8_t *at)
{
	return (unsigned int)at[0] << 8 | at[1];
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

static void test_message_has_templates_and_records(void **state)
{
	const struct natgw_log_record made = make_session();
	const struct session_log_entry entry = make_entry(SESSION_LOG_CREATED, &made);
	struct session_log_message *message = NULL;
	const uint8_t *data = NULL;
	unsigned int records = 99;
	unsigned int before = 0;
	size_t length = 99;

	(void)state;
	assert_int_equal(session_log_message_new(1400, 77, &message), 0);
	assert_int_equal(session_log_message_take(message, &data, &length, &records), 0);
	assert_int_equal(length, 0);
	assert_int_equal(session_log_message_templates(message), 0);
	assert_int_equal(session_log_message_take(message, &data, &length, &records), 0);
	assert_int_equal(records, 0);
	assert_int_equal(get16(data), IPFIX_VERSION);
	assert_int_equal(get16(data + 2), length);
	assert_int_equal(get32(data + 12), 77);
	assert_int_equal(get16(data + HEADER_BYTES), SET_TEMPLATES);
	for (unsigned int i = 0; i < 3; i++) {
		while (session_log_message_add(message, &entry) == 0)
			;
		assert_int_equal(session_log_message_take(message, &data, &length, &records), 0);
		assert_in_range(length, 1200, 1400);
		assert_in_range(records, 15, 40);
		assert_int_equal(get32(data + 8), before);
		before += records;
	}
	session_log_message_free(message);
}

static void test_message_takes_every_kind(void **state)
{
	const struct natgw_log_record made = make_session();
	struct session_log_message *message = NULL;
	const uint8_t *data = NULL;
	unsigned int records = 0;
	size_t length = 0;

	(void)state;
	assert_int_equal(session_log_message_new(16384, 1, &message), 0);
	for (int event = SESSION_LOG_CREATED; event <= SESSION_LOG_QUOTA_EXCEEDED; event++) {
		struct session_log_entry entry = make_entry((enum session_log_event)event, &made);

		assert_int_equal(session_log_message_add(message, &entry), 0);
		entry.verdict = NATGW_DROP_GATEWAY_QUOTA;
		assert_int_equal(session_log_message_add(message, &entry), 0);
	}
	assert_int_equal(session_log_message_take(message, &data, &length, &records), 0);
	assert_int_equal(records, 8);
	session_log_message_free(message);
}

/* ---- collectors ---- */

struct collector_case {
	struct config_log_sink sink;
	struct session_log_tally tally;
	struct session_log_ipfix *ipfix;
	struct natgw_log_record made;
	struct session_log_entry entry;
	uint64_t now_ms;
	uint64_t given;
};

static int listen_on(int kind)
{
	const struct sockaddr_in addr = { .sin_family = AF_INET,
					  .sin_port = htons(PORT),
					  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const int on = 1;
	int fd = socket(AF_INET, kind | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
	assert_int_equal(bind(fd, (const struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(kind == SOCK_STREAM ? listen(fd, 1) : 0, 0);
	return fd;
}

static void open_collector(struct collector_case *test, bool tcp)
{
	struct timespec now;

	memset(test, 0, sizeof(*test));
	(void)snprintf(test->sink.addr, sizeof(test->sink.addr), "127.0.0.1");
	test->sink.port = PORT;
	test->sink.tcp = tcp;
	test->sink.domain = 1;
	test->sink.template_interval_s = 60;
	test->made = make_session();
	test->entry = make_entry(SESSION_LOG_CREATED, &test->made);
	assert_int_equal(session_log_ipfix_new(&test->sink, &test->tally, &test->ipfix), 0);
	clock_gettime(CLOCK_MONOTONIC, &now);
	test->now_ms = (uint64_t)now.tv_sec * 1000 + 1000;
}

/* A visit of natgwd's, with so many records; a tenth of a second is over then. */
static void visit(struct collector_case *test, unsigned int count)
{
	test->given += count;
	while (count--)
		session_log_ipfix_add(test->ipfix, &test->entry);
	session_log_ipfix_flush(test->ipfix, test->now_ms);
	test->now_ms += 100;
}

static void check_law(const struct collector_case *test)
{
	assert_int_equal(test->tally.records + test->tally.lost, test->given);
}

/* Messages that are there, and how many hold templates. */
static unsigned int receive(int fd, unsigned int *ret_templates)
{
	uint8_t data[2048];
	unsigned int count = 0;

	*ret_templates = 0;
	for (ssize_t r; (r = recv(fd, data, sizeof(data), MSG_DONTWAIT)) > 0; count++) {
		assert_int_equal(get16(data), IPFIX_VERSION);
		assert_int_equal(get16(data + 2), r);
		*ret_templates += get16(data + HEADER_BYTES) == SET_TEMPLATES;
	}
	return count;
}

static void test_udp_collector(void **state)
{
	_cleanup_close_ int fd = listen_on(SOCK_DGRAM);
	struct collector_case test;
	unsigned int templates;

	(void)state;
	open_collector(&test, false);
	visit(&test, 0);
	assert_int_equal(receive(fd, &templates), 1);
	assert_int_equal(templates, 1);
	visit(&test, 100);
	assert_in_range(receive(fd, &templates), 3, 8);
	assert_int_equal(templates, 0);
	assert_int_equal(test.tally.records, 100);
	test.now_ms += 60000;
	visit(&test, 1);
	assert_int_equal(receive(fd, &templates), 2);
	assert_int_equal(templates, 1);
	check_law(&test);
	session_log_ipfix_free(test.ipfix);
}

/* Nobody is told of the first datagrams; from the first answer on all is lost, until somebody is
 * there. */
static void test_udp_collector_comes_late(void **state)
{
	struct collector_case test;
	unsigned int templates;

	(void)state;
	open_collector(&test, false);
	for (int i = 0; i < 50; i++)
		visit(&test, 10);
	assert_int_equal(test.tally.records, 0);
	assert_int_equal(test.tally.lost, 500);

	_cleanup_close_ int fd = listen_on(SOCK_DGRAM);

	test.now_ms += 60000;
	visit(&test, 0);
	assert_int_equal(receive(fd, &templates), 1);
	assert_int_equal(templates, 1);
	visit(&test, 0);
	visit(&test, 20);
	assert_int_equal(test.tally.records, 20);
	check_law(&test);
	session_log_ipfix_free(test.ipfix);
}

/* Reads what is there, at most so much. */
static size_t drain(int fd, size_t most)
{
	static uint8_t data[65536];
	size_t sum = 0;

	while (sum < most) {
		struct pollfd readable = { .fd = fd, .events = POLLIN };
		ssize_t r = poll(&readable, 1, 20) == 1 ? recv(fd, data, sizeof(data), MSG_DONTWAIT)
							: 0;

		if (r <= 0) {
			return sum;
		}
		sum += (size_t)r;
	}
	return sum;
}

static void test_tcp_collector_goes_and_comes(void **state)
{
	_cleanup_close_ int listener = listen_on(SOCK_STREAM);
	struct collector_case test;

	(void)state;
	open_collector(&test, true);
	visit(&test, 10);
	visit(&test, 10);
	visit(&test, 0);
	assert_int_equal(test.tally.records, 20);

	int fd = accept(listener, NULL, NULL);

	assert_true(fd >= 0);
	assert_in_range(drain(fd, SIZE_MAX), 1000, 4000);
	close(fd);
	visit(&test, 0);
	visit(&test, 5);
	assert_int_equal(test.tally.lost, 5);
	test.now_ms += 60000;
	visit(&test, 5);
	visit(&test, 7);
	visit(&test, 0);
	assert_int_equal(test.tally.lost, 10);
	assert_int_equal(test.tally.records, 27);
	check_law(&test);
	session_log_ipfix_free(test.ipfix);
}

/* One that accepts and never reads: neither memory nor time is its to take. */
static void test_tcp_collector_does_not_read(void **state)
{
	_cleanup_close_ int listener = listen_on(SOCK_STREAM);
	struct collector_case test;
	struct timespec begin;
	struct timespec end;

	(void)state;
	open_collector(&test, true);
	visit(&test, 0);

	_cleanup_close_ int fd = accept(listener, NULL, NULL);

	assert_true(fd >= 0);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (int i = 0; i < 50; i++)
		visit(&test, 10000);
	clock_gettime(CLOCK_MONOTONIC, &end);
	assert_in_range(end.tv_sec - begin.tv_sec, 0, 5);
	assert_true(test.tally.lost > 0);
	assert_true(test.tally.records > 0);
	drain(fd, SIZE_MAX);
	visit(&test, 0);
	drain(fd, SIZE_MAX);
	for (int i = 0; i < 10; i++) {
		visit(&test, 0);
		drain(fd, SIZE_MAX);
	}
	visit(&test, 0);
	check_law(&test);
	session_log_ipfix_free(test.ipfix);
}

static void test_tcp_collector_refuses(void **state)
{
	struct collector_case test;

	(void)state;
	open_collector(&test, true);
	for (int i = 0; i < 30; i++)
		visit(&test, 10);
	assert_int_equal(test.tally.lost, 300);
	check_law(&test);
	session_log_ipfix_free(test.ipfix);
}

/* ---- the whole ---- */

static int set_up(void **state)
{
	struct ifreq loopback = { .ifr_name = "lo" };
	int fd;
	int err;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	log_set_level(LOG_LEVEL_ERROR);
	if (!mkdtemp(folder) || unshare(CLONE_NEWNET) < 0) {
		return -1;
	}
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	loopback.ifr_flags = IFF_UP;
	err = ioctl(fd, SIOCSIFFLAGS, &loopback);
	close(fd);
	return err;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command); /* NOLINT(cert-env33-c): a folder of this test's own */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_line_of_a_closed_session),
		cmocka_unit_test(test_line_of_a_created_session),
		cmocka_unit_test(test_line_of_a_refused_session),
		cmocka_unit_test(test_a_name_injects_nothing),
		cmocka_unit_test(test_time_goes_on),
		cmocka_unit_test(test_file_is_written_and_rotated),
		cmocka_unit_test(test_file_takes_many_at_once),
		cmocka_unit_test(test_file_that_is_moved_is_made_again),
		cmocka_unit_test(test_full_disk_is_counted),
		cmocka_unit_test(test_file_begins_after_a_torn_line),
		cmocka_unit_test(test_file_that_cannot_be_opened),
		cmocka_unit_test(test_message_has_templates_and_records),
		cmocka_unit_test(test_message_takes_every_kind),
		cmocka_unit_test(test_udp_collector),
		cmocka_unit_test(test_udp_collector_comes_late),
		cmocka_unit_test(test_tcp_collector_goes_and_comes),
		cmocka_unit_test(test_tcp_collector_does_not_read),
		cmocka_unit_test(test_tcp_collector_refuses),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
