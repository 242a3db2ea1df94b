// SPDX-License-Identifier: GPL-2.0-only
/* Contests for ports. */
#include "contest.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "flood.h"

#define THREADS 4
#define FLOWS (4 * 1000 * 1000 / THREADS)
#define JUMPS_MAX 65536
/* Half-open sessions end after this time; the clock jumps far enough for the sweep to see it. */
#define HALF_OPEN_S 10
#define JUMP_S (HALF_OPEN_S + 2)
/* Refused one after the other: it is full. */
#define FULL_AFTER 20

struct session {
	struct flood_flow flow;
	struct flood_got got;
	size_t call;
	__u32 epoch; /* half-open: ends at the jump after this one; else ESTABLISHED */
};

#define ESTABLISHED (~0U)

struct contest;

struct worker {
	struct contest *contest;
	pthread_t thread;
	unsigned int seed;
	__u32 next_flow;
	struct books_call *calls;
	__u32 *epochs; /* of calls: as in struct session, ESTABLISHED: its release is in the books
			*/
	size_t count, room;
	struct session *sessions;
	size_t open;
	size_t lost;
};

struct contest {
	struct contest_terms terms;
	/* Calls and the clock's jumps do not overlap; calls and the sweep do. */
	pthread_rwlock_t clock;
	__u32 epoch;
	__u64 jumped[JUMPS_MAX];
	__u64 swept[JUMPS_MAX];
	atomic_bool over;
	struct worker workers[THREADS];
};

static struct bench *bench;

static void *list_of(size_t count, size_t size)
{
	void *list = calloc(count, size);

	if (!list) {
		exit(2);
	}
	return list;
}

static unsigned int random_below(struct worker *worker, unsigned int bound)
{
	return ((unsigned int)rand_r(&worker->seed) >> 3) % bound;
}

static __u32 eip_index(__be32 addr)
{
	__u32 index = 0;

	while (index < BENCH_EIPS_MAX && bench_eip(index) != addr) {
		index++;
	}
	return index;
}

/* ---- the calls ---- */

static struct books_call *new_call(struct worker *worker)
{
	struct books_call *call;

	if (worker->count == worker->room) {
		worker->room *= 2;
		worker->calls = realloc(worker->calls, worker->room * sizeof(*worker->calls));
		worker->epochs = realloc(worker->epochs, worker->room * sizeof(*worker->epochs));
		if (!worker->calls || !worker->epochs) {
			exit(2);
		}
	}
	worker->epochs[worker->count] = ESTABLISHED;
	call = &worker->calls[worker->count++];
	memset(call, 0, sizeof(*call));
	call->owned_until = call->free_from = BOOKS_NEVER;
	return call;
}

/* The rest of the handshake, for every other session. */
static void keep_session(struct worker *worker, const struct flood_flow *flow,
			 const struct flood_got *got)
{
	struct contest *contest = worker->contest;
	struct session *session = &worker->sessions[worker->open++];

	session->flow = *flow;
	session->got = *got;
	session->call = worker->count - 1;
	session->epoch = contest->epoch;
	if (random_below(worker, 2)) {
		session->epoch = ESTABLISHED;
		worker->lost += !flood_receive(bench, flow, got, SYN | ACK);
		worker->lost += !flood_send(bench, flow, ACK);
	}
	worker->epochs[session->call] = session->epoch;
}

/* false: refused. */
static bool open_session(struct worker *worker)
{
	struct contest *contest = worker->contest;
	struct books_call *call = new_call(worker);
	struct flood_flow flow =
		flood_flow(PROTO_TCP, REMOTE, 443, worker->next_flow++ % (THREADS * FLOWS));
	struct flood_got got;

	pthread_rwlock_rdlock(&contest->clock);
	call->begin = books_now();
	got = flood_open(bench, BENCH_XDP_INT, &flow);
	call->end = books_now();
	call->port = got.port;
	if (got.port) {
		call->eip = eip_index(got.eip);
		keep_session(worker, &flow, &got);
	}
	pthread_rwlock_unlock(&contest->clock);
	return got.port;
}

static void end_session(struct worker *worker, const struct session *session)
{
	const struct flood_flow *flow = &session->flow;
	unsigned int how = session->epoch == ESTABLISHED ? random_below(worker, 4) : 0;

	switch (how) {
	case 0:
		worker->lost += !flood_send(bench, flow, RST | ACK);
		break;
	case 1:
		worker->lost += !flood_receive(bench, flow, &session->got, RST);
		break;
	case 2:
		worker->lost += !flood_send(bench, flow, FIN | ACK);
		worker->lost += !flood_receive(bench, flow, &session->got, FIN | ACK);
		break;
	default:
		worker->lost += !flood_receive(bench, flow, &session->got, FIN | ACK);
		worker->lost += !flood_send(bench, flow, FIN | ACK);
		break;
	}
}

static void close_session(struct worker *worker, size_t which)
{
	struct contest *contest = worker->contest;
	struct session session = worker->sessions[which];
	struct books_call *call = &worker->calls[session.call];

	worker->sessions[which] = worker->sessions[--worker->open];
	pthread_rwlock_rdlock(&contest->clock);
	if (session.epoch == ESTABLISHED || session.epoch == contest->epoch) {
		call->owned_until = books_now();
		end_session(worker, &session);
		call->free_from = books_now();
		worker->epochs[session.call] = ESTABLISHED;
	}
	pthread_rwlock_unlock(&contest->clock);
}

static void *work(void *argument)
{
	struct worker *worker = argument;
	unsigned int refused = 0;

	while (refused < FULL_AFTER) {
		refused = open_session(worker) ? 0 : refused + 1;
	}
	for (__u32 turn = 0; turn < worker->contest->terms.turns; turn++) {
		if (worker->open && random_below(worker, 10) < 3) {
			close_session(worker, random_below(worker, (unsigned int)worker->open));
		} else {
			open_session(worker);
		}
	}
	return NULL;
}

/* ---- the clock and the sweep ---- */

static void *expire(void *argument)
{
	struct contest *contest = argument;

	while (!atomic_load(&contest->over) && contest->epoch + 1 < JUMPS_MAX) {
		__u32 epoch = contest->epoch + 1;

		pthread_rwlock_wrlock(&contest->clock);
		contest->jumped[epoch] = books_now();
		bench_skew(bench, (__s64)epoch * JUMP_S * NATGW_TICKS_PER_SECOND);
		contest->epoch = epoch;
		pthread_rwlock_unlock(&contest->clock);
		bench_sweep(bench);
		contest->swept[epoch] = books_now();
		usleep(2000);
	}
	return NULL;
}

/* Half-open sessions that nobody closed ended at the next jump. */
static void enter_expired(struct contest *contest, struct worker *worker)
{
	for (size_t i = 0; i < worker->count; i++) {
		__u32 jump = worker->epochs[i] + 1;

		if (worker->epochs[i] != ESTABLISHED && worker->calls[i].port &&
		    jump <= contest->epoch) {
			worker->calls[i].owned_until = contest->jumped[jump];
			worker->calls[i].free_from = contest->swept[jump];
		}
	}
}

/* ---- one contest ---- */

static void start(struct contest *contest)
{
	struct natgw_gateway gateway = bench_gateway();
	pthread_rwlockattr_t prefer_writer;

	bench_reset(bench);
	bench_range(&gateway, (__u16)(NATGW_PORT_LAST - contest->terms.ports + 1),
		    contest->terms.ports, contest->terms.limit);
	flood_for_ever(&gateway);
	gateway.eip_count = (__u16)contest->terms.eips;
	gateway.timeout[NATGW_TIMER_TCP_HALF_OPEN] = HALF_OPEN_S * NATGW_TICKS_PER_SECOND;
	memset(&gateway.timeout[NATGW_TIMER_HOLD_FIN], 0,
	       (NATGW_TIMER_COUNT - NATGW_TIMER_HOLD_FIN) * sizeof(gateway.timeout[0]));
	bench_set_gateway(bench, &gateway);
	contest->terms.limit = gateway.destination_ports;
	pthread_rwlockattr_init(&prefer_writer);
	pthread_rwlockattr_setkind_np(&prefer_writer, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&contest->clock, &prefer_writer);
	for (unsigned int i = 0; i < THREADS; i++) {
		struct worker *worker = &contest->workers[i];

		worker->contest = contest;
		worker->seed = 100 * contest->terms.ports + i;
		worker->next_flow = i * FLOWS;
		worker->room = 65536;
		worker->calls = list_of(worker->room, sizeof(*worker->calls));
		worker->epochs = list_of(worker->room, sizeof(*worker->epochs));
		worker->sessions = list_of(FLOWS, sizeof(*worker->sessions));
	}
}

static void run(struct contest *contest)
{
	pthread_t sweeper;

	if (pthread_create(&sweeper, NULL, expire, contest)) {
		exit(2);
	}
	for (unsigned int i = 0; i < THREADS; i++) {
		if (pthread_create(&contest->workers[i].thread, NULL, work, &contest->workers[i])) {
			exit(2);
		}
	}
	for (unsigned int i = 0; i < THREADS; i++) {
		pthread_join(contest->workers[i].thread, NULL);
	}
	atomic_store(&contest->over, true);
	pthread_join(sweeper, NULL);
}

/* All threads' calls in one list. */
static struct books collect(struct contest *contest, size_t *ret_lost)
{
	struct books books = {
		.eips = contest->terms.eips,
		.first = NATGW_PORT_LAST - contest->terms.ports + 1,
		.ports = contest->terms.ports,
		.limit = contest->terms.limit,
	};

	for (unsigned int i = 0; i < THREADS; i++) {
		books.count += contest->workers[i].count;
	}
	books.calls = list_of(books.count, sizeof(*books.calls));
	books.count = 0;
	for (unsigned int i = 0; i < THREADS; i++) {
		struct worker *worker = &contest->workers[i];

		enter_expired(contest, worker);
		memcpy(&books.calls[books.count], worker->calls,
		       worker->count * sizeof(*books.calls));
		books.count += worker->count;
		*ret_lost += worker->lost;
		free(worker->calls);
		free(worker->epochs);
		free(worker->sessions);
	}
	return books;
}

struct contest_result contest_run(struct bench *of, const struct contest_terms *terms)
{
	struct contest *contest = list_of(1, sizeof(*contest));
	struct contest_result result = {};
	struct books books;

	bench = of;
	contest->terms = *terms;
	start(contest);
	run(contest);
	books = collect(contest, &result.lost);
	result.books = books_judge(&books);
	print_message("%u x %u ports, limit %u: %zu granted, %zu refused, %u jumps; "
		      "twice %zu, unjust %zu, too many %zu, outside %zu, lost %zu\n",
		      contest->terms.eips, contest->terms.ports, contest->terms.limit,
		      result.books.granted, result.books.refused, contest->epoch,
		      result.books.twice, result.books.unjust, result.books.too_many,
		      result.books.outside, result.lost);
	/* A pass under load may leave out a row (the kernel uses elements again at once). */
	bench_sweep(bench);
	bench_sweep(bench);
	bench_audit(bench);
	free(books.calls);
	free(contest);
	return result;
}

void contest_require(struct bench *of, const struct contest_terms *terms, size_t count)
{
	struct contest_result sum = {};

	for (size_t i = 0; i < count; i++) {
		struct contest_result result = contest_run(of, &terms[i]);

		/* It was full, and did not stay so. */
		assert_true(result.books.refused > 0);
		assert_true(result.books.granted > (size_t)terms[i].ports * terms[i].eips);
		sum.lost += result.lost;
		sum.books.twice += result.books.twice;
		sum.books.too_many += result.books.too_many;
		sum.books.outside += result.books.outside;
		sum.books.unjust += result.books.unjust;
	}
	assert_int_equal(sum.lost, 0);
	assert_int_equal(sum.books.twice, 0);
	assert_int_equal(sum.books.outside, 0);
	assert_int_equal(sum.books.too_many, 0);
	assert_int_equal(sum.books.unjust, 0);
}
