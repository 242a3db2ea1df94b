// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two threads at the session table, switched between any two accesses to memory: all schedules
 * with up to four switches. What the operations return must be what they return one after the other
 * in some order, on a plain table. Seen in the order of the program: weaker machines are not tried.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/types.h>
#include <stdbool.h>
#include <string.h>
#include <ucontext.h>

static void steps_pause(void);
static __u32 steps_or(__u32 *at, __u32 bits);

#define NATGW_TABLE_READ(at) (steps_pause(), __atomic_load_n(at, __ATOMIC_SEQ_CST))
#define NATGW_TABLE_WRITE(at, value) (steps_pause(), __atomic_store_n(at, value, __ATOMIC_SEQ_CST))
#define NATGW_TABLE_SWAP(at, from, to) (steps_pause(), __sync_bool_compare_and_swap(at, from, to))
#define NATGW_TABLE_OR(at, bits) steps_or(at, bits)
#define NATGW_TABLE_AND(at, bits) (steps_pause(), __atomic_fetch_and(at, bits, __ATOMIC_SEQ_CST))
#define NATGW_TABLE_XOR(at, bits) (steps_pause(), __atomic_fetch_xor(at, bits, __ATOMIC_SEQ_CST))
#define NATGW_TABLE_ADD(at, number) \
	(steps_pause(), __atomic_fetch_add(at, number, __ATOMIC_SEQ_CST))

/* The table, with these. */
#include "table_model.h"

#define OPS_MAX 5
#define PARTS 3
#define NO_LIMIT 1000000
#define STACK_SIZE 65536

enum kind { END, INSERT, FIND, TAKE_OVER, KILL, BURY };

struct op {
	enum kind kind;
	__u32 key; /* its place in the scenario's keys */
	__u32 generation;
};

#define KEYS 3

struct scenario {
	const char *name;
	/* Keys of one home; the third has the addresses of the first, the rest of the second. */
	__u32 keys[KEYS];
	struct op setup[OPS_MAX];
	struct op ops[2][OPS_MAX];
	bool in_tail;	/* the home's group is full before it begins */
	bool strangers; /* the second key's home is another one of the group, full after the setup
			 */
};

struct player {
	ucontext_t context;
	char *stack;
	int budget; /* accesses until the other one has its turn */
	int part;   /* of the plan: where that is from */
	bool ended;
	const struct op *ops;
	__u64 killed[KEYS]; /* words of rows not yet buried */
	__u64 results[OPS_MAX];
};

static struct table table;
static const struct scenario *playing;
static struct player players[2];
static int self = -1; /* whose turn it is; -1: neither's */
static ucontext_t over;
static int plan[PARTS + 1]; /* budgets, in turn */
static bool used_up[PARTS + 1];
static int planned;

/* ---- whose turn it is ---- */

/* The other one has its turn; comes back with the next turn of this one. */
static void give_way(int who)
{
	struct player *other = &players[!who];

	if (other->ended) {
		players[who].budget = NO_LIMIT;
		return;
	}
	other->part = planned;
	other->budget = plan[planned];
	planned += planned < PARTS;
	self = !who;
	swapcontext(&players[who].context, &other->context);
}

static void steps_pause(void)
{
	if (self >= 0 && players[self].budget-- <= 0) {
		used_up[players[self].part] = true;
		give_way(self);
		players[self].budget--;
	}
}

/* Whoever meets a lock lets the other one go on. */
static __u32 steps_or(__u32 *at, __u32 bits)
{
	__u32 before;

	steps_pause();
	before = __atomic_fetch_or(at, bits, __ATOMIC_SEQ_CST);
	if (self >= 0 && bits == NATGW_TABLE_LOCK && before & bits) {
		give_way(self);
	}
	return before;
}

/* ---- operations ---- */

static __u64 word_of(const struct op *op)
{
	return table_word(playing->keys[op->key], op->generation, NATGW_STATE_OPENING);
}

static __u64 generation_of(__u64 word)
{
	return word >> NATGW_WORD_GENERATION_SHIFT;
}

/* Of INSERT: an error. Of the others: the generation that was found, 0 for none. */
static __u64 perform(struct player *player, const struct op *op)
{
	__u32 number = playing->keys[op->key];
	struct natgw_session *row;
	__u64 word = 0;

	if (op->kind == INSERT) {
		return (__u64)table_insert(&table, number, word_of(op));
	}
	if (op->kind == BURY) {
		if (player->killed[op->key]) {
			table_bury(&table, number, player->killed[op->key]);
		}
		return 0;
	}
	row = table_find(&table, number, &word);
	if (!row || op->kind == FIND) {
		return generation_of(word);
	}
	if (op->kind == KILL && table_state(word) != NATGW_STATE_NEW) {
		player->killed[op->key] = table_kill(row, word) ? word : 0;
		return generation_of(player->killed[op->key]);
	}
	if (op->kind == KILL) {
		return 0;
	}
	return table_take_over(row, number, word, word_of(op)) ? generation_of(word) : 0;
}

static void play(void)
{
	struct player *player = &players[self], *other = &players[!self];

	for (int i = 0; i < OPS_MAX && player->ops[i].kind; i++) {
		player->results[i] = perform(player, &player->ops[i]);
	}
	player->ended = true;
	self = other->ended ? -1 : !self;
	setcontext(other->ended ? &over : &other->context);
}

/* ---- what is right ---- */

#define DEAD UINT64_MAX

/* Keys to generations; 0: not there. */
struct plain {
	__u64 rows[KEYS];
};

/* Did the other thread change the row, so that this one may have found it and come too late? */
static bool other_won(int who, __u32 key)
{
	const struct player *other = &players[!who];
	bool won = false;

	for (int i = 0; i < OPS_MAX; i++) {
		won |= other->ops[i].key == key && other->results[i] &&
		       (other->ops[i].kind == TAKE_OVER || other->ops[i].kind == KILL);
	}
	return won;
}

/* One operation on the plain table: could it have returned that? */
static bool plain_allows(struct plain *plain, int who, const struct op *op, __u64 result)
{
	__u64 *row = &plain->rows[op->key], found = *row == DEAD ? 0 : *row;

	switch (op->kind) {
	case INSERT:
		if (*row) {
			return result == (__u64)NATGW_TABLE_EXISTS;
		}
		*row = op->generation;
		return !result;
	case BURY:
		*row = *row == DEAD ? 0 : *row;
		return true;
	case TAKE_OVER:
		*row = result ? op->generation : *row;
		return result == found || (!result && other_won(who, op->key));
	case KILL:
		*row = result ? DEAD : *row;
		return result == found || (!result && other_won(who, op->key));
	default:
		return result == found;
	}
}

static bool plain_is_left(const struct plain *plain)
{
	for (__u32 i = 0; i < KEYS; i++) {
		__u64 word = 0;

		table_find(&table, playing->keys[i], &word);
		if (generation_of(word) != plain->rows[i]) {
			return false;
		}
	}
	return true;
}

/* Is there an order in which the rest of both threads' operations explains everything? */
static bool has_order(struct plain plain, int first, int second)
{
	const int at[2] = { first, second };
	bool ended = true;

	for (int who = 0; who < 2; who++) {
		const struct op *op = &players[who].ops[at[who]];
		struct plain next = plain;

		if (at[who] == OPS_MAX || !op->kind) {
			continue;
		}
		ended = false;
		if (plain_allows(&next, who, op, players[who].results[at[who]]) &&
		    has_order(next, first + !who, second + who)) {
			return true;
		}
	}
	return ended && plain_is_left(&plain);
}

static void judge(const struct plain *plain, int first)
{
	const char *problem = table_broken(&table);

	if (!problem && !has_order(*plain, 0, 0)) {
		problem = "no order explains it";
	}
	if (problem) {
		fail_msg("%s: %s; thread %d first, switches after %d, %d, %d accesses",
			 playing->name, problem, first, plan[0], plan[1], plan[2]);
	}
}

/* ---- schedules ---- */

static struct natgw_slot *begun; /* the table as it is before each run */

static void make_ready(struct player *player, const struct op *ops)
{
	player->ended = false;
	player->ops = ops;
	player->part = PARTS;
	player->budget = NO_LIMIT;
	memset(player->killed, 0, sizeof(player->killed));
	getcontext(&player->context);
	player->context.uc_stack.ss_sp = player->stack;
	player->context.uc_stack.ss_size = STACK_SIZE;
	player->context.uc_link = NULL;
	makecontext(&player->context, play, 0);
}

static void run(const struct plain *plain, int first)
{
	memcpy(table.slots, begun, table.count * sizeof(*begun));
	memset(used_up, 0, sizeof(used_up));
	for (int who = 0; who < 2; who++) {
		make_ready(&players[who], playing->ops[who]);
	}
	planned = 1;
	players[first].part = 0;
	players[first].budget = plan[0];
	self = first;
	swapcontext(&over, &players[first].context);
	judge(plain, first);
}

/* The last part that has not come to the end of its operations gets one access more. */
static bool next_plan(void)
{
	for (int i = PARTS - 1; i >= 0; i--) {
		if (used_up[i]) {
			plan[i]++;
			return true;
		}
		plan[i] = 1;
	}
	return false;
}

static int run_schedules(const struct plain *plain, int first)
{
	int runs = 0;

	for (int i = 0; i < PARTS; i++) {
		plan[i] = 1;
	}
	do {
		run(plain, first);
		runs++;
	} while (next_plan());
	return runs;
}

/* ---- scenarios ---- */

static __u32 home_of(__u32 number)
{
	struct natgw_table_key key = table_wanted(number);

	return natgw_table_home(&table.size, natgw_table_hash(&key, table.size.seed));
}

/* One home, or two whose rows may be in the same slots. */
static bool fits(__u32 home, __u32 other, bool strangers)
{
	return strangers ? home != other && (home ^ other) < NATGW_TABLE_HOPS : home == other;
}

#define REST_BITS (1 + TABLE_PORT_BITS + TABLE_PROTO_BITS)

/* The third one is made of halves of the others. */
static void pick_keys(__u32 keys[KEYS], bool strangers)
{
	for (__u32 i = 0;; i++) {
		__u32 rest = i % (1U << REST_BITS), addr = (i >> REST_BITS) % 512,
		      other = i >> (REST_BITS + 9);

		keys[0] = addr << REST_BITS;
		keys[1] = other << REST_BITS | rest;
		keys[2] = addr << REST_BITS | rest;
		if (rest && addr != other && home_of(keys[0]) == home_of(keys[2]) &&
		    fits(home_of(keys[0]), home_of(keys[1]), strangers)) {
			return;
		}
	}
}

/* Rows of other homes, until the group has no room for this one's. */
static void crowd(__u32 home)
{
	__u32 number = 1U << 24, room;

	do {
		if (home_of(number) != home &&
		    home_of(number) / NATGW_TABLE_GROUP == home / NATGW_TABLE_GROUP) {
			table_insert(&table, number, table_word(number, number, NATGW_STATE_HOLD));
		}
		number++;
		room = 0;
		for (__u32 i = 0; i < NATGW_TABLE_HOPS; i++) {
			room += !table.slots[home ^ i].row.word;
		}
	} while (room);
}

static void play_scenario(struct scenario *scenario)
{
	struct plain plain = { 0 };
	int runs;

	table_make(&table, 64, 1);
	begun = calloc(table.count, sizeof(*begun));
	assert_non_null(begun);
	pick_keys(scenario->keys, scenario->strangers);
	playing = scenario;
	if (scenario->in_tail) {
		crowd(home_of(scenario->keys[0]));
	}
	for (int i = 0; i < OPS_MAX && scenario->setup[i].kind; i++) {
		perform(&players[0], &scenario->setup[i]);
		plain.rows[scenario->setup[i].key] = scenario->setup[i].generation;
	}
	if (scenario->strangers) {
		crowd(home_of(scenario->keys[0]));
	}
	memcpy(begun, table.slots, table.count * sizeof(*begun));
	runs = run_schedules(&plain, 0) + run_schedules(&plain, 1);
	print_message("%s%s: %d schedules\n", scenario->name,
		      scenario->in_tail ? ", in the tail" : "", runs);
	free(begun);
	table_free(&table);
}

/* The scenarios: at home, and again with no room there. */
static void play_both(struct scenario scenario)
{
	play_scenario(&scenario);
	scenario.in_tail = true;
	play_scenario(&scenario);
}

static void test_insert_and_insert(void **state)
{
	(void)state;
	play_both((struct scenario){
		.name = "two inserts of one key",
		.ops = { { { INSERT, 0, 1 }, { FIND, 0 } }, { { INSERT, 0, 2 }, { FIND, 0 } } },
	});
	play_scenario(&(struct scenario){
		.name = "inserts of two keys",
		.ops = { { { INSERT, 0, 1 } }, { { INSERT, 1, 2 } } },
	});
}

static void test_take_over(void **state)
{
	(void)state;
	play_both((struct scenario){
		.name = "taken over, and inserted",
		.setup = { { INSERT, 0, 1 } },
		.ops = { { { TAKE_OVER, 0, 2 } }, { { INSERT, 0, 3 } } },
	});
	play_both((struct scenario){
		.name = "taken over, and found",
		.setup = { { INSERT, 0, 1 } },
		.ops = { { { TAKE_OVER, 0, 2 } }, { { FIND, 0 } } },
	});
	play_both((struct scenario){
		.name = "taken over, and removed",
		.setup = { { INSERT, 0, 1 } },
		.ops = { { { TAKE_OVER, 0, 2 } }, { { KILL, 0 }, { BURY, 0 }, { FIND, 0 } } },
	});
}

static void test_remove(void **state)
{
	(void)state;
	play_both((struct scenario){
		.name = "removed, and inserted",
		.setup = { { INSERT, 0, 1 } },
		.ops = { { { KILL, 0 }, { BURY, 0 }, { FIND, 0 } }, { { INSERT, 0, 2 } } },
	});
	play_both((struct scenario){
		.name = "removed twice",
		.setup = { { INSERT, 0, 1 }, { INSERT, 1, 2 } },
		.ops = { { { KILL, 0 }, { BURY, 0 } }, { { KILL, 0 }, { BURY, 0 }, { FIND, 1 } } },
	});
	play_both((struct scenario){
		.name = "two keys removed",
		.setup = { { INSERT, 0, 1 }, { INSERT, 1, 2 }, { INSERT, 2, 3 } },
		.ops = { { { KILL, 0 }, { BURY, 0 }, { FIND, 2 } }, { { KILL, 1 }, { BURY, 1 } } },
	});
	play_both((struct scenario){
		.name = "removed and inserted, and another one found",
		.setup = { { INSERT, 0, 1 }, { INSERT, 1, 2 } },
		.ops = { { { KILL, 0 }, { BURY, 0 }, { INSERT, 0, 3 } }, { { FIND, 1 } } },
	});
}

/* While a slot goes from one key to another, half of each is a third key. */
static void test_half_of_each(void **state)
{
	(void)state;
	play_scenario(&(struct scenario){
		.name = "a key that is not there, inserted",
		.setup = { { INSERT, 0, 1 } },
		.ops = { { { INSERT, 2, 2 } }, { { KILL, 0 }, { BURY, 0 }, { INSERT, 1, 3 } } },
		.strangers = true,
	});
	play_scenario(&(struct scenario){
		.name = "a key that is there, found",
		.setup = { { INSERT, 0, 1 }, { INSERT, 2, 2 } },
		.ops = { { { FIND, 2 } }, { { KILL, 0 }, { BURY, 0 }, { INSERT, 1, 3 } } },
	});
	play_scenario(&(struct scenario){
		.name = "a key that is there, inserted",
		.setup = { { INSERT, 0, 1 }, { INSERT, 2, 2 } },
		.ops = { { { INSERT, 2, 4 } }, { { KILL, 0 }, { BURY, 0 }, { INSERT, 1, 3 } } },
		.strangers = true,
	});
}

static int make_stacks(void **state)
{
	(void)state;
	players[0].stack = calloc(2, STACK_SIZE);
	players[1].stack = players[0].stack + STACK_SIZE;
	return players[0].stack ? 0 : -1;
}

static int free_stacks(void **state)
{
	(void)state;
	free(players[0].stack);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_insert_and_insert),
		cmocka_unit_test(test_take_over),
		cmocka_unit_test(test_remove),
		cmocka_unit_test(test_half_of_each),
	};

	return cmocka_run_group_tests_name("table_steps", tests, make_stacks, free_stacks);
}
