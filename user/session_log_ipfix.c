// SPDX-License-Identifier: GPL-2.0-only
/*
 * IPFIX messages on their way to a collector, over UDP or TCP, without ever waiting: everything is
 * tried ten times a second, in session_log_ipfix_flush. A collector that is away is tried again
 * from time to time; until then records are counted as lost.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"
#include "session_log_internal.h"

/* Fits an Ethernet frame, over IPv6 too. */
#define UDP_MESSAGE_BYTES 1400
#define TCP_MESSAGE_BYTES 16384
/* What natgwd sends in a tenth of a second at 100,000 sessions a second, several times over. */
#define SOCKET_BYTES 4194304
#define QUEUE_BYTES 8388608U
/* Between two tries; doubled from the one to the other. */
#define RETRY_LEAST_MS 1000U
#define RETRY_MOST_MS 30000U
/* A peer that has vanished is given up after so long. */
#define VANISHED_MS 10000

enum way {
	WAY_AWAY,	/* until retry_ms */
	WAY_CONNECTING, /* TCP. UDP: templates are on their way, maybe to nobody */
	WAY_UP,
};

/* Over TCP, what the socket did not take at once. */
struct queued {
	struct queued *next;
	size_t length;
	size_t sent;
	unsigned int records;
	uint8_t data[];
};

struct session_log_ipfix {
	struct config_log_sink sink;
	struct session_log_tally *tally;
	struct session_log_message *message;
	enum way way;
	int fd;
	uint64_t retry_ms;
	uint64_t given_up_ms; /* connecting: no longer than that */
	uint64_t wait_ms;     /* before the next try but one */
	uint64_t templates_ms;
	uint64_t lost_before; /* tally->lost when the collector went away */
	bool failed;	      /* and said */
	struct queued *first;
	struct queued **end; /* where the next one goes */
	size_t queue_bytes;
};

/* ---- losing the collector ---- */

static const char *protocol(const struct session_log_ipfix *ipfix)
{
	return ipfix->sink.tcp ? "TCP" : "UDP";
}

static void drop_first(struct session_log_ipfix *ipfix)
{
	struct queued *first = ipfix->first;

	ipfix->first = first->next;
	if (!ipfix->first) {
		ipfix->end = &ipfix->first;
	}
	ipfix->queue_bytes -= first->length;
	free(first);
}

static void forget_queue(struct session_log_ipfix *ipfix)
{
	while (ipfix->first) {
		ipfix->tally->lost += ipfix->first->records;
		drop_first(ipfix);
	}
}

/* What has been begun is lost, and is no part of the next connection. */
static void forget_message(struct session_log_ipfix *ipfix)
{
	const uint8_t *data;
	unsigned int records = 0;
	size_t length = 0;

	if (ipfix->message && !session_log_message_take(ipfix->message, &data, &length, &records)) {
		ipfix->tally->lost += records;
	}
}

static void go_away(struct session_log_ipfix *ipfix, int err)
{
	if (!ipfix->failed) {
		ipfix->lost_before = ipfix->tally->lost;
		log_error(
			"session log: the IPFIX collector %s port %u (%s) cannot be reached: %s; records are lost and counted until it can",
			ipfix->sink.addr, ipfix->sink.port, protocol(ipfix), strerror(-err));
	}
	ipfix->failed = true;
	ipfix->way = WAY_AWAY;
	ipfix->retry_ms = 0; /* set by the next flush, which knows the time */
	forget_queue(ipfix);
	forget_message(ipfix);
	if (ipfix->fd >= 0) {
		close(ipfix->fd);
	}
	ipfix->fd = -1;
}

static void be_up(struct session_log_ipfix *ipfix)
{
	ipfix->way = WAY_UP;
	ipfix->wait_ms = RETRY_LEAST_MS;
	if (ipfix->failed) {
		log_info("session log: the IPFIX collector %s port %u (%s) is there again; %" PRIu64
			 " records were lost",
			 ipfix->sink.addr, ipfix->sink.port, protocol(ipfix),
			 ipfix->tally->lost - ipfix->lost_before);
	}
	ipfix->failed = false;
}

/* ---- sending ---- */

/* What the socket takes of the queue. */
static int send_queue(struct session_log_ipfix *ipfix)
{
	while (ipfix->first) {
		struct queued *first = ipfix->first;
		ssize_t r = send(ipfix->fd, first->data + first->sent, first->length - first->sent,
				 MSG_NOSIGNAL);

		if (r < 0) {
			return errno == EAGAIN ? 0 : -errno;
		}
		first->sent += (size_t)r;
		if (first->sent == first->length) {
			ipfix->tally->records += first->records;
			drop_first(ipfix);
		}
	}
	return 0;
}

static int put_in_queue(struct session_log_ipfix *ipfix, const uint8_t *data, size_t length,
			unsigned int records)
{
	struct queued *queued = NULL;

	if (ipfix->queue_bytes + length <= QUEUE_BYTES) {
		queued = malloc(sizeof(*queued) + length);
	}
	if (!queued) {
		ipfix->tally->lost += records;
		return 0;
	}
	queued->next = NULL;
	queued->length = length;
	queued->sent = 0;
	queued->records = records;
	memcpy(queued->data, data, length);
	*ipfix->end = queued;
	ipfix->end = &queued->next;
	ipfix->queue_bytes += length;
	return ipfix->way == WAY_UP ? send_queue(ipfix) : 0;
}

/* A datagram that does not fit right now is lost: the collector sees it by the sequence number. */
static int send_datagram(struct session_log_ipfix *ipfix, const uint8_t *data, size_t length,
			 unsigned int records)
{
	if (send(ipfix->fd, data, length, MSG_NOSIGNAL) < 0) {
		ipfix->tally->lost += records;
		return errno == EAGAIN || errno == ENOBUFS ? 0 : -errno;
	}
	ipfix->tally->records += records;
	return 0;
}

static void send_message(struct session_log_ipfix *ipfix)
{
	unsigned int records = 0;
	const uint8_t *data;
	size_t length = 0;
	int err = session_log_message_take(ipfix->message, &data, &length, &records);

	if (err || !length) {
		return;
	}
	err = ipfix->sink.tcp ? put_in_queue(ipfix, data, length, records)
			      : send_datagram(ipfix, data, length, records);
	if (err) {
		go_away(ipfix, err);
	}
}

static void send_templates(struct session_log_ipfix *ipfix, uint64_t now_ms)
{
	send_message(ipfix);
	if (ipfix->way == WAY_AWAY) {
		return;
	}
	(void)session_log_message_templates(ipfix->message);
	send_message(ipfix);
	ipfix->templates_ms = now_ms + (uint64_t)ipfix->sink.template_interval_s * 1000;
}

/* ---- connecting ---- */

static socklen_t fill_address(const struct config_log_sink *sink, struct sockaddr_storage *ret_addr)
{
	struct sockaddr_in *in = (struct sockaddr_in *)ret_addr;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret_addr;

	memset(ret_addr, 0, sizeof(*ret_addr));
	if (inet_pton(AF_INET, sink->addr, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons(sink->port);
		return sizeof(*in);
	}
	(void)inet_pton(AF_INET6, sink->addr, &in6->sin6_addr);
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(sink->port);
	return sizeof(*in6);
}

/* Each socket is a new transport session, with sequence numbers of its own. */
static int begin_session(struct session_log_ipfix *ipfix)
{
	struct session_log_message *message = NULL;
	int err = session_log_message_new(ipfix->sink.tcp ? TCP_MESSAGE_BYTES : UDP_MESSAGE_BYTES,
					  ipfix->sink.domain, &message);

	if (err) {
		return err;
	}
	session_log_message_free(ipfix->message);
	ipfix->message = message;
	return 0;
}

static void set_options(const struct session_log_ipfix *ipfix)
{
	const int size = SOCKET_BYTES;
	const unsigned int vanished = VANISHED_MS;

	/* Each is a help, no need: what they do not give is counted as lost. */
	(void)setsockopt(ipfix->fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	if (ipfix->sink.tcp) {
		(void)setsockopt(ipfix->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &vanished,
				 sizeof(vanished));
	}
}

static int open_socket(struct session_log_ipfix *ipfix)
{
	const int kind = ipfix->sink.tcp ? SOCK_STREAM : SOCK_DGRAM;
	struct sockaddr_storage addr;
	const socklen_t length = fill_address(&ipfix->sink, &addr);

	ipfix->fd = socket(addr.ss_family, kind | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (ipfix->fd < 0) {
		return -errno;
	}
	set_options(ipfix);
	if (connect(ipfix->fd, (const struct sockaddr *)&addr, length) < 0 &&
	    errno != EINPROGRESS) {
		return -errno;
	}
	return 0;
}

/* The templates go first. */
static void begin(struct session_log_ipfix *ipfix, uint64_t now_ms)
{
	int err = begin_session(ipfix);

	if (!err) {
		err = open_socket(ipfix);
	}
	if (err) {
		go_away(ipfix, err);
		return;
	}
	ipfix->way = WAY_CONNECTING;
	ipfix->given_up_ms = now_ms + VANISHED_MS;
	send_templates(ipfix, now_ms);
}

/* What has become of the connection, or of the datagrams. */
static int socket_error(const struct session_log_ipfix *ipfix)
{
	socklen_t length = sizeof(int);
	int err = 0;

	if (getsockopt(ipfix->fd, SOL_SOCKET, SO_ERROR, &err, &length) < 0) {
		return -errno;
	}
	return -err;
}

/* A collector says nothing; the end of its side is the end of the connection. */
static int peer_error(const struct session_log_ipfix *ipfix)
{
	char nothing[256];
	ssize_t r = recv(ipfix->fd, nothing, sizeof(nothing), 0);

	if (r == 0) {
		return -ECONNRESET;
	}
	return r < 0 && errno != EAGAIN ? -errno : 0;
}

static void look(struct session_log_ipfix *ipfix, uint64_t now_ms)
{
	struct pollfd writable = { .fd = ipfix->fd, .events = POLLOUT };
	int err = socket_error(ipfix);

	if (!err && ipfix->way == WAY_CONNECTING && poll(&writable, 1, 0) == 1) {
		be_up(ipfix);
	}
	if (!err && ipfix->way == WAY_CONNECTING && now_ms >= ipfix->given_up_ms) {
		err = -ETIMEDOUT;
	}
	if (!err && ipfix->way == WAY_UP && ipfix->sink.tcp) {
		err = peer_error(ipfix);
	}
	if (!err && ipfix->way == WAY_UP) {
		err = send_queue(ipfix);
	}
	if (err) {
		go_away(ipfix, err);
	}
}

/* ---- for the session log ---- */

void session_log_ipfix_flush(struct session_log_ipfix *ipfix, uint64_t now_ms)
{
	if (ipfix->way == WAY_AWAY && !ipfix->retry_ms) {
		ipfix->retry_ms = now_ms + ipfix->wait_ms;
		ipfix->wait_ms =
			ipfix->wait_ms < RETRY_MOST_MS / 2 ? 2 * ipfix->wait_ms : RETRY_MOST_MS;
	}
	if (ipfix->way == WAY_AWAY && now_ms < ipfix->retry_ms) {
		return;
	}
	if (ipfix->way == WAY_AWAY) {
		begin(ipfix, now_ms);
		return;
	}
	look(ipfix, now_ms);
	if (ipfix->way != WAY_AWAY) {
		send_message(ipfix);
	}
	if (ipfix->way == WAY_UP && !ipfix->sink.tcp && now_ms >= ipfix->templates_ms) {
		send_templates(ipfix, now_ms);
	}
}

/* UDP tells only afterwards that nobody is there: until it has not, the templates are a question.
 */
static bool takes_records(const struct session_log_ipfix *ipfix)
{
	return ipfix->way == WAY_UP ||
	       (ipfix->way == WAY_CONNECTING && (ipfix->sink.tcp || !ipfix->failed));
}

void session_log_ipfix_add(struct session_log_ipfix *ipfix, const struct session_log_entry *entry)
{
	int err = -ENOTCONN;

	if (takes_records(ipfix)) {
		err = session_log_message_add(ipfix->message, entry);
	}
	if (err == -ENOSPC) {
		send_message(ipfix);
		err = ipfix->way == WAY_AWAY ? -ENOTCONN
					     : session_log_message_add(ipfix->message, entry);
	}
	if (err) {
		ipfix->tally->lost++;
	}
}

int session_log_ipfix_new(const struct config_log_sink *sink, struct session_log_tally *tally,
			  struct session_log_ipfix **ret_ipfix)
{
	struct session_log_ipfix *ipfix = calloc(1, sizeof(*ipfix));
	struct timespec now;

	if (!ipfix) {
		return -ENOMEM;
	}
	ipfix->sink = *sink;
	ipfix->tally = tally;
	ipfix->fd = -1;
	ipfix->wait_ms = RETRY_LEAST_MS;
	ipfix->end = &ipfix->first;
	clock_gettime(CLOCK_MONOTONIC, &now);
	begin(ipfix, (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000);
	*ret_ipfix = ipfix;
	return 0;
}

void session_log_ipfix_free(struct session_log_ipfix *ipfix)
{
	if (!ipfix) {
		return;
	}
	if (ipfix->way != WAY_AWAY) {
		look(ipfix, 0);
	}
	if (ipfix->way != WAY_AWAY) {
		send_message(ipfix);
	}
	forget_queue(ipfix);
	forget_message(ipfix);
	if (ipfix->fd >= 0) {
		close(ipfix->fd);
	}
	session_log_message_free(ipfix->message);
	free(ipfix);
}
