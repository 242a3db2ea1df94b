// SPDX-License-Identifier: GPL-2.0-only
/*
 * Streams by a real server and a client in the same process: whole, bounded, and closed exactly
 * once whatever the client does.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "api_answer.h"
#include "api_stream.h"
#include "keep.h"

#define SLICE 65536
#define SLICES 100
#define CLIENTS 20
#define TURNS_MAX 100000

static struct natgwd_state state;
static uint64_t streams_cut;

/* In place of the page in a pinned map. */
uint64_t *keep_counter(struct keep *keep, enum keep_which which)
{
	assert_null(keep);
	assert_int_equal(which, KEEP_API_STREAMS_CUT);
	return &streams_cut;
}

struct world {
	struct event_base *base;
	struct evhttp *server;
	struct api_answer_context context;
	const struct api_stream_source *source;
	struct api_stream *stream; /* the one opened last */
	unsigned int slices;
	unsigned int closed;
	int fail_at; /* a slice; -1: none */
	char path[64];
};

/* ---- the server ---- */

static int write_slice(struct api_stream *stream, void *arg)
{
	struct world *world = arg;
	char slice[SLICE];

	if ((int)world->slices == world->fail_at) {
		return -EIO;
	}
	assert_true(api_stream_pending(stream) == 0 || world->slices == 0);
	memset(slice, 'a' + (int)(world->slices % 26), sizeof(slice));
	assert_int_equal(api_stream_write(stream, slice, sizeof(slice)), 0);
	return ++world->slices == SLICES ? API_STREAM_DONE : API_STREAM_AGAIN;
}

static void on_closed(void *arg)
{
	struct world *world = arg;

	world->closed++;
}

static const struct api_stream_source pulled = { write_slice, on_closed };
static const struct api_stream_source pushed = { NULL, on_closed };

static void on_request(struct evhttp_request *request, void *arg)
{
	struct world *world = arg;
	struct api_answer answer = {
		.context = &world->context,
		.request = request,
		.body = evbuffer_new(),
		.type = API_ANSWER_JSON_LINES,
		.status = HTTP_OK,
	};
	int err = api_stream_start(&answer, world->source, world, &world->stream);

	if (err) {
		assert_int_equal(api_stream_refuse(&answer, err), 0);
		api_answer_finish_headers(&answer);
		evhttp_send_reply(request, answer.status, NULL, answer.body);
	}
	evbuffer_free(answer.body);
}

static int set_up(void **ret_world)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct world *world = calloc(1, sizeof(*world));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	assert_non_null(world);
	snprintf(world->path, sizeof(world->path), "/tmp/natgw-test-api-stream-%d", getpid());
	memcpy(addr.sun_path, world->path, sizeof(world->path));
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 64), 0);
	world->fail_at = -1;
	world->source = &pulled;
	world->context.state = &state;
	world->base = event_base_new();
	world->server = evhttp_new(world->base);
	evhttp_set_timeout(world->server, 1);
	evhttp_set_gencb(world->server, on_request, world);
	assert_int_equal(evhttp_accept_socket(world->server, fd), 0);
	streams_cut = 0;
	*ret_world = world;
	return 0;
}

static int tear_down(void **arg)
{
	struct world *world = *arg;

	if (world->server) {
		evhttp_free(world->server);
	}
	event_base_free(world->base);
	unlink(world->path);
	free(world);
	return 0;
}

/* ---- the client ---- */

static int ask(const struct world *world)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: natgwd\r\n\r\n";
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	memcpy(addr.sun_path, world->path, sizeof(world->path));
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(send(fd, request, strlen(request), 0), strlen(request));
	return fd;
}

static void turn(const struct world *world)
{
	assert_true(event_base_loop(world->base, EVLOOP_NONBLOCK | EVLOOP_ONCE) >= 0);
}

static void turn_until(const struct world *world, const unsigned int *value, unsigned int wanted)
{
	for (unsigned int i = 0; *value != wanted; i++) {
		assert_true(i < TURNS_MAX);
		turn(world);
	}
}

/* Reads to the end of the connection; the rest of the answer is the last 64 bytes at most. */
static size_t read_all(const struct world *world, int fd, char ret_end[65])
{
	static char data[1 << 20];
	size_t total = 0;
	size_t kept = 0;

	for (unsigned int i = 0; i < TURNS_MAX; i++) {
		ssize_t size = recv(fd, data, sizeof(data), 0);

		if (size == 0 || (size < 0 && errno == ECONNRESET)) {
			ret_end[kept] = '\0';
			return total;
		}
		if (size > 0) {
			kept = size > 64 ? 64 : (size_t)size;
			memcpy(ret_end, data + size - kept, kept);
			total += (size_t)size;
		}
		turn(world);
	}
	fail_msg("the answer has no end");
	return 0;
}

/* ---- tests ---- */

static void test_slices_arrive_whole(void **arg)
{
	struct world *world = *arg;
	int fd = ask(world);
	char end[65];
	size_t size = read_all(world, fd, end);

	assert_in_range(size, (size_t)SLICE * SLICES, (size_t)SLICE * SLICES + 4096);
	assert_string_equal(end + strlen(end) - 5, "0\r\n\r\n");
	assert_int_equal(world->closed, 1);
	assert_int_equal(world->context.streams, 0);
	assert_int_equal(streams_cut, 0);
	close(fd);
}

static void test_a_reader_that_stops_gets_no_more_slices(void **arg)
{
	struct world *world = *arg;
	int fd = ask(world);

	for (int i = 0; i < 1000; i++) {
		turn(world);
	}
	/* What the sockets hold, and one slice that waits. */
	assert_in_range(world->slices, 1, 10);
	assert_int_equal(world->closed, 0);
	close(fd);
	turn_until(world, &world->closed, 1);
	assert_int_equal(world->context.streams, 0);
}

static void test_a_source_that_fails_is_cut_off(void **arg)
{
	struct world *world = *arg;
	char end[65];
	int fd;

	world->fail_at = 3;
	fd = ask(world);
	assert_in_range(read_all(world, fd, end), 2 * SLICE, 4 * SLICE);
	assert_string_not_equal(end + strlen(end) - 5, "0\r\n\r\n");
	assert_int_equal(world->closed, 1);
	assert_int_equal(world->context.streams, 0);
	close(fd);
}

static void test_a_reader_too_slow_for_what_comes_is_cut_off(void **arg)
{
	struct world *world = *arg;
	const char line[1024] = "x";
	size_t written = 0;
	int fd;

	world->source = &pushed;
	fd = ask(world);
	turn_until(world, &world->context.streams, 1);
	while (api_stream_write(world->stream, line, sizeof(line)) == 0) {
		written += sizeof(line);
		assert_true(api_stream_pending(world->stream) <= API_STREAM_PENDING_MAX + SLICE);
		assert_true(written < 4 * API_STREAM_PENDING_MAX);
	}
	assert_true(written > API_STREAM_PENDING_MAX / 2);
	assert_int_equal(api_stream_write(world->stream, line, 1), -EPIPE);
	assert_int_equal(world->closed, 0);
	turn_until(world, &world->closed, 1);
	assert_int_equal(streams_cut, 1);
	assert_int_equal(world->context.streams, 0);
	close(fd);
}

static void test_a_pushed_stream_ends_well(void **arg)
{
	struct world *world = *arg;
	char end[65];
	int fd;

	world->source = &pushed;
	fd = ask(world);
	turn_until(world, &world->context.streams, 1);
	assert_int_equal(api_stream_write(world->stream, "one\n", 4), 0);
	api_stream_end(world->stream);
	assert_int_equal(world->closed, 1);
	read_all(world, fd, end);
	assert_non_null(strstr(end, "4\r\none\n\r\n0\r\n\r\n"));
	close(fd);
}

/* evhttp's time for a request (here 1 s) is none for a stream on which nothing happens. */
static void test_a_quiet_stream_stays(void **arg)
{
	struct world *world = *arg;
	const struct timeval wait = { .tv_sec = 1, .tv_usec = 200000 };
	int fd;

	world->source = &pushed;
	fd = ask(world);
	turn_until(world, &world->context.streams, 1);
	event_base_loopexit(world->base, &wait);
	event_base_dispatch(world->base);
	assert_int_equal(world->closed, 0);
	close(fd);
	turn_until(world, &world->closed, 1);
}

static void test_a_client_that_goes_on_sending_is_not_listened_to(void **arg)
{
	struct world *world = *arg;
	static const char noise[SLICE];
	size_t sent = 0;
	int fd;

	world->source = &pushed;
	fd = ask(world);
	turn_until(world, &world->context.streams, 1);
	for (int i = 0; i < 1000; i++) {
		ssize_t size = send(fd, noise, sizeof(noise), MSG_DONTWAIT | MSG_NOSIGNAL);

		sent += size > 0 ? (size_t)size : 0;
		turn(world);
	}
	assert_true(sent < 1 << 20);
	close(fd);
	/* Its end waits behind what it has sent, but it takes nothing any more. */
	assert_int_equal(api_stream_write(world->stream, "one\n", 4), 0);
	turn_until(world, &world->closed, 1);
}

static void test_streams_are_limited(void **arg)
{
	struct world *world = *arg;
	int fds[CLIENTS];
	char end[65];

	world->source = &pushed;
	for (int i = 0; i < CLIENTS; i++) {
		fds[i] = ask(world);
	}
	turn_until(world, &world->context.streams, API_STREAMS_MAX);
	read_all(world, fds[API_STREAMS_MAX], end);
	assert_non_null(strstr(end, "try again when one has ended"));
	for (int i = 0; i < CLIENTS; i++) {
		close(fds[i]);
	}
	turn_until(world, &world->closed, API_STREAMS_MAX);
	assert_int_equal(world->context.streams, 0);
}

static void test_a_server_that_ends_closes_its_streams(void **arg)
{
	struct world *world = *arg;
	int fds[2];

	world->source = &pushed;
	fds[0] = ask(world);
	turn_until(world, &world->context.streams, 1);
	assert_int_equal(api_stream_write(world->stream, "one\n", 4), 0);
	world->source = &pulled;
	fds[1] = ask(world);
	turn_until(world, &world->context.streams, 2);
	evhttp_free(world->server);
	world->server = NULL;
	assert_int_equal(world->closed, 2);
	assert_int_equal(world->context.streams, 0);
	close(fds[0]);
	close(fds[1]);
}

#define stream_test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		stream_test(test_slices_arrive_whole),
		stream_test(test_a_reader_that_stops_gets_no_more_slices),
		stream_test(test_a_source_that_fails_is_cut_off),
		stream_test(test_a_reader_too_slow_for_what_comes_is_cut_off),
		stream_test(test_a_pushed_stream_ends_well),
		stream_test(test_a_quiet_stream_stays),
		stream_test(test_a_client_that_goes_on_sending_is_not_listened_to),
		stream_test(test_streams_are_limited),
		stream_test(test_a_server_that_ends_closes_its_streams),
	};

	signal(SIGPIPE, SIG_IGN); /* as in natgwd */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
