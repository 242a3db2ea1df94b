// SPDX-License-Identifier: GPL-2.0-only
/*
 * One item for each session, sorted once by destination and once by client, so that whatever is
 * asked for is a stretch of the array: exact, and without a table of tables. What is kept is small
 * where sessions come in crowds, and at most about the size of the items where they do not.
 */
#include "top.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "best.h"
#include "list.h"
#include "record.h"

struct top_item {
	struct natgw_destination_key destination;
	__be32 client;
	bool held;
	bool opening;
	bool silent;
	uint8_t hold;
	__be16 ext_port;
	uint64_t bytes_out;
	uint64_t bytes_in;
};

/* ---- one by one ---- */

int top_add_session(const struct natgw_session_record *record, void *top)
{
	struct top *to = top;
	const enum record_life life = record_life(record);
	const unsigned int state = record_state(record);

	if (life == RECORD_OVER || state == NATGW_STATE_MAPPING) {
		return 0;
	}
	struct top_item *items = list_room(to->items, to->item_count, sizeof(*items));

	if (!items) {
		return -ENOMEM;
	}
	to->items = items;
	items[to->item_count++] = (struct top_item){
		.destination = {
			.ext_addr = record->key.ext_addr,
			.rem_addr = record->key.rem_addr,
			.rem_port = record->key.rem_port,
			.proto = record->key.proto,
			.gateway = (__u8)record_gateway(record),
		},
		.client = record->inbound.addr,
		.held = life == RECORD_HELD,
		.opening = state == NATGW_STATE_OPENING || state == NATGW_STATE_NEW,
		.silent = life == RECORD_LIVE && record_seconds(record_idle(record)) >= TOP_SILENT_S,
		.hold = record->hold < NATGW_HOLD_COUNT ? record->hold : NATGW_HOLD_IDLE,
		.ext_port = record->key.ext_port,
		.bytes_out = record->outbound.bytes,
		.bytes_in = record->inbound.bytes,
	};
	return 0;
}

static struct top_client *add_client(struct top *top, __be32 addr, __u32 gateway)
{
	struct top_client *clients = list_room(top->clients, top->client_count, sizeof(*clients));

	if (!clients) {
		return NULL;
	}
	top->clients = clients;
	clients[top->client_count] =
		(struct top_client){ .key = { .addr = addr, .gateway = gateway } };
	return &clients[top->client_count++];
}

int top_add_client(const struct natgw_client_key *key, const struct natgw_client *row, void *top)
{
	struct top_client *client = add_client(top, key->addr, key->gateway);

	if (!client) {
		return -ENOMEM;
	}
	memcpy(client->errors, row->errors, sizeof(client->errors));
	memcpy(client->bytes_gone, row->bytes, sizeof(client->bytes_gone));
	return 0;
}

int top_add_destination(const struct natgw_destination_record *record, void *top)
{
	struct top *to = top;
	struct natgw_destination_record *records =
		list_room(to->records, to->record_count, sizeof(*records));

	if (!records) {
		return -ENOMEM;
	}
	to->records = records;
	records[to->record_count++] = *record;
	return 0;
}

/* ---- by destination ---- */

/* Without holes, so that their bytes may be compared. */
_Static_assert(offsetof(struct top_item, client) == sizeof(struct natgw_destination_key),
	       "key of an item");
#define ITEM_KEY_SIZE (sizeof(struct natgw_destination_key) + sizeof(__be32))

static int compare_by_destination(const void *left, const void *right)
{
	return memcmp(left, right, ITEM_KEY_SIZE);
}

static int compare_shares(const void *left, const void *right)
{
	const struct top_share *a = left;
	const struct top_share *b = right;
	const uint32_t ports_a = a->used + a->held;
	const uint32_t ports_b = b->used + b->held;

	if (ports_a != ports_b) {
		return ports_a > ports_b ? -1 : 1;
	}
	return memcmp(&a->client, &b->client, sizeof(a->client));
}

static bool same_destination(const struct top_item *a, const struct top_item *b)
{
	return memcmp(&a->destination, &b->destination, sizeof(a->destination)) == 0;
}

static void count_item(struct top_destination *destination, const struct top_item *item)
{
	if (item->held) {
		destination->held++;
		destination->held_by[item->hold]++;
		return;
	}
	destination->used++;
	destination->opening += item->opening;
	destination->silent += item->silent;
}

static int add_share(struct top *top, const struct top_item *item)
{
	struct top_share *shares = list_room(top->shares, top->share_count, sizeof(*shares));

	if (!shares) {
		return -ENOMEM;
	}
	top->shares = shares;
	shares[top->share_count++] = (struct top_share){ .client = item->client };
	return 0;
}

/* One more item of the destination: its client's share is the last one. */
static int count_share(struct top *top, struct top_destination *destination,
		       const struct top_item *item, bool new_client)
{
	int r = new_client ? add_share(top, item) : 0;

	if (r == 0) {
		destination->client_count += new_client;
		top->shares[top->share_count - 1].used += !item->held;
		top->shares[top->share_count - 1].held += item->held;
	}
	return r;
}

static int keep_destination(struct top *top, const struct top_destination *destination)
{
	struct top_destination *destinations =
		list_room(top->destinations, top->destination_count, sizeof(*destinations));

	if (!destinations) {
		return -ENOMEM;
	}
	top->destinations = destinations;
	destinations[top->destination_count++] = *destination;
	top->session_count += destination->used;
	top->held_count += destination->held;
	return 0;
}

/* The stretch of items from "first" on that have one destination; *ret_next is the one after. */
static int group_destination(struct top *top, size_t first, size_t *ret_next)
{
	const struct top_item *items = top->items;
	struct top_destination destination = { .key = items[first].destination,
					       .first_client = top->share_count };
	size_t i = first;
	int r = 0;

	for (; r == 0 && i < top->item_count && same_destination(&items[first], &items[i]); i++) {
		r = count_share(top, &destination, &items[i],
				i == first || items[i].client != items[i - 1].client);
		count_item(&destination, &items[i]);
	}
	if (r < 0) {
		return r;
	}
	qsort(&top->shares[destination.first_client], destination.client_count,
	      sizeof(*top->shares), compare_shares);
	*ret_next = i;
	return keep_destination(top, &destination);
}

static int group_destinations(struct top *top)
{
	int r = 0;

	if (top->item_count == 0) {
		return 0;
	}
	qsort(top->items, top->item_count, sizeof(*top->items), compare_by_destination);
	for (size_t i = 0; r == 0 && i < top->item_count;)
		r = group_destination(top, i, &i);
	return r;
}

/* ---- by client ---- */

static int compare_numbers(uint64_t left, uint64_t right)
{
	return left < right ? -1 : left > right;
}

static uint64_t client_number(__be32 addr, uint32_t gateway)
{
	return (uint64_t)gateway << 32 | ntohl(addr);
}

/* A client has one destination by whichever EIP. */
static uint64_t remote_number(const struct top_item *item)
{
	return (uint64_t)item->destination.rem_addr << 32 |
	       (uint64_t)item->destination.rem_port << 8 | item->destination.proto;
}

static int compare_by_client(const void *left, const void *right)
{
	const struct top_item *a = left;
	const struct top_item *b = right;
	int r = compare_numbers(client_number(a->client, a->destination.gateway),
				client_number(b->client, b->destination.gateway));

	return r ? r : compare_numbers(remote_number(a), remote_number(b));
}

static int compare_clients(const void *left, const void *right)
{
	const struct top_client *a = left;
	const struct top_client *b = right;

	return compare_numbers(client_number(a->key.addr, a->key.gateway),
			       client_number(b->key.addr, b->key.gateway));
}

static void count_for_client(struct top_client *client, const struct top_item *item)
{
	client->bytes_out += item->bytes_out;
	client->bytes_in += item->bytes_in;
	if (item->held) {
		client->held++;
		return;
	}
	client->sessions++;
	client->opening += item->opening;
	client->silent += item->silent;
}

static uint64_t port_number(const struct top_item *item)
{
	const struct natgw_destination_key *key = &item->destination;

	return (uint64_t)key->ext_addr << 32 | (uint64_t)key->proto << 16 | item->ext_port;
}

static int compare_by_port(const void *left, const void *right)
{
	return compare_numbers(port_number(left), port_number(right));
}

/* The items of one client, by destination, which are then by port. */
static void count_client(struct top_client *client, struct top_item *items, size_t count)
{
	uint32_t to_one = 0;

	for (size_t i = 0; i < count; i++) {
		const bool new = i == 0 || remote_number(&items[i]) != remote_number(&items[i - 1]);

		to_one = new ? 1 : to_one + 1;
		client->destinations += new;
		client->most_to_one = to_one > client->most_to_one ? to_one : client->most_to_one;
		count_for_client(client, &items[i]);
	}
	qsort(items, count, sizeof(*items), compare_by_port);
	for (size_t i = 0; i < count; i++)
		client->ports += i == 0 || compare_by_port(&items[i], &items[i - 1]) != 0;
}

static bool same_client(const struct top_item *a, const struct top_item *b)
{
	return a->client == b->client && a->destination.gateway == b->destination.gateway;
}

static int group_clients(struct top *top)
{
	struct top_item *items = top->items;
	size_t first = 0;

	if (top->item_count) {
		qsort(items, top->item_count, sizeof(*items), compare_by_client);
	}
	for (size_t i = 1; i <= top->item_count; i++) {
		if (i < top->item_count && same_client(&items[first], &items[i])) {
			continue;
		}
		struct top_client *client =
			add_client(top, items[first].client, items[first].destination.gateway);

		if (!client) {
			return -ENOMEM;
		}
		count_client(client, &items[first], i - first);
		first = i;
	}
	return 0;
}

static void merge_client(struct top_client *to, const struct top_client *from)
{
	to->sessions += from->sessions;
	to->opening += from->opening;
	to->silent += from->silent;
	to->held += from->held;
	to->destinations += from->destinations;
	to->ports += from->ports;
	to->most_to_one += from->most_to_one;
	to->bytes_out += from->bytes_out;
	to->bytes_in += from->bytes_in;
	to->bytes_gone[NATGW_OUTBOUND] += from->bytes_gone[NATGW_OUTBOUND];
	to->bytes_gone[NATGW_INBOUND] += from->bytes_gone[NATGW_INBOUND];
	for (size_t i = 0; i < NATGW_ALLOC_ERROR_COUNT; i++)
		to->errors[i] += from->errors[i];
}

/* The rows of the map and those made from sessions tell of the same clients. */
static void merge_clients(struct top *top)
{
	size_t kept = 0;

	if (top->client_count == 0) {
		return;
	}
	qsort(top->clients, top->client_count, sizeof(*top->clients), compare_clients);
	for (size_t i = 1; i < top->client_count; i++) {
		if (compare_clients(&top->clients[kept], &top->clients[i]) == 0) {
			merge_client(&top->clients[kept], &top->clients[i]);
		} else {
			top->clients[++kept] = top->clients[i];
		}
	}
	top->client_count = kept + 1;
}

/* ---- the whole ---- */

/* Rows of all kinds of destination begin with their key. */
static int compare_keys(const void *left, const void *right)
{
	return memcmp(left, right, sizeof(struct natgw_destination_key));
}

_Static_assert(offsetof(struct top_destination, key) == 0, "key of a destination");
_Static_assert(offsetof(struct natgw_destination_record, key) == 0, "key of a record");

int top_finish(struct top *top)
{
	int r = group_destinations(top);

	if (r == 0) {
		r = group_clients(top);
	}
	if (r == 0) {
		merge_clients(top);
	}
	if (top->record_count) {
		qsort(top->records, top->record_count, sizeof(*top->records), compare_keys);
	}
	free(top->items);
	top->items = NULL;
	top->item_count = 0;
	return r;
}

void top_free(struct top *top)
{
	free(top->items);
	free(top->destinations);
	free(top->shares);
	free(top->clients);
	free(top->records);
	*top = (struct top){ 0 };
}

/* ---- asked ---- */

static int rank_destinations(const void *left, const void *right)
{
	const struct top_destination *a = *(const struct top_destination *const *)left;
	const struct top_destination *b = *(const struct top_destination *const *)right;
	int r = compare_numbers(b->used + (uint64_t)b->held, a->used + (uint64_t)a->held);

	return r ? r : memcmp(&a->key, &b->key, sizeof(a->key));
}

size_t top_destinations(const struct top *top, const struct top_destination **ret_best, size_t max)
{
	struct best best = { .items = ret_best,
			     .item_size = sizeof(void *),
			     .room = max,
			     .compare = rank_destinations };

	for (size_t i = 0; i < top->destination_count; i++) {
		const struct top_destination *destination = &top->destinations[i];

		best_offer(&best, &destination);
	}
	return best.count;
}

static uint64_t all_errors(const struct top_client *client)
{
	uint64_t errors = 0;

	for (size_t i = 0; i < NATGW_ALLOC_ERROR_COUNT; i++)
		errors += client->errors[i];
	return errors;
}

static int rank_clients(const void *left, const void *right)
{
	const struct top_client *a = *(const struct top_client *const *)left;
	const struct top_client *b = *(const struct top_client *const *)right;
	int r = compare_numbers(b->sessions + (uint64_t)b->held, a->sessions + (uint64_t)a->held);

	if (r == 0) {
		r = compare_numbers(all_errors(b), all_errors(a));
	}
	return r ? r : compare_clients(a, b);
}

size_t top_clients(const struct top *top, uint32_t gateway, const struct top_client **ret_best,
		   size_t max)
{
	struct best best = {
		.items = ret_best, .item_size = sizeof(void *), .room = max, .compare = rank_clients
	};

	for (size_t i = 0; i < top->client_count; i++) {
		const struct top_client *client = &top->clients[i];

		if (!gateway || client->key.gateway == gateway) {
			best_offer(&best, &client);
		}
	}
	return best.count;
}

const struct top_destination *top_find_destination(const struct top *top,
						   const struct natgw_destination_key *key)
{
	return top->destination_count ? bsearch(key, top->destinations, top->destination_count,
						sizeof(*top->destinations), compare_keys)
				      : NULL;
}

const struct natgw_destination_record *top_find_record(const struct top *top,
						       const struct natgw_destination_key *key)
{
	return top->record_count ? bsearch(key, top->records, top->record_count,
					   sizeof(*top->records), compare_keys)
				 : NULL;
}

const struct top_client *top_find_client(const struct top *top, const struct natgw_client_key *key)
{
	const struct top_client wanted = { .key = *key };

	return top->client_count ? bsearch(&wanted, top->clients, top->client_count,
					   sizeof(*top->clients), compare_clients)
				 : NULL;
}
