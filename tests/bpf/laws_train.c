// SPDX-License-Identifier: GPL-2.0-only
/* Fragments as they leave. */
#include "laws_train.h"

#include <string.h>

static struct laws_train *train_of(struct laws_trains *trains, __u32 number)
{
	struct laws_train *train = &trains->trains[number % LAWS_TRAINS];

	if (train->number != number) {
		memset(train, 0, sizeof(*train));
		train->number = number;
	}
	return train;
}

void laws_train_spoil(struct laws_trains *trains, __u32 number)
{
	train_of(trains, number)->is_spoiled = true;
}

static struct laws_stray stray_of(const struct frame *in, __u32 when)
{
	const struct laws_stray stray = {
		.src = frame_src(in),
		.dst = frame_dst(in),
		.id = frame_get16(in, FRAME_ETH + 4),
		.proto = in->data[FRAME_ETH + 9],
		.when = when,
	};

	return stray;
}

static struct laws_stray *stray_at(struct laws_trains *trains, const struct laws_stray *stray)
{
	__u32 hash = ((stray->src * 31 + stray->dst) * 31 + stray->id) * 31 + stray->proto;

	return &trains->strays[(hash ^ hash >> 16) % LAWS_STRAYS];
}

void laws_train_stray(struct laws_trains *trains, const struct frame *in, __u32 when)
{
	struct laws_stray stray = stray_of(in, when);

	*stray_at(trains, &stray) = stray;
}

static bool follows_stray(struct laws_trains *trains, const struct laws_piece *piece)
{
	struct laws_stray own = stray_of(piece->in, piece->when);
	const struct laws_stray *stray = stray_at(trains, &own);

	return stray->src == own.src && stray->dst == own.dst && stray->id == own.id &&
	       stray->proto == own.proto && own.when - stray->when < trains->life + trains->slack;
}

static bool same_on_the_wire(const struct laws_train *one, const struct laws_train *other)
{
	return one->src == other->src && one->dst == other->dst && one->id == other->id &&
	       one->proto == other->proto;
}

/* Is another datagram under way that a receiver would take for this one? */
static bool is_taken(const struct laws_trains *trains, const struct laws_train *train)
{
	for (size_t i = 0; i < LAWS_TRAINS; i++) {
		const struct laws_train *other = &trains->trains[i];

		if (other->has_left && other->number != train->number &&
		    same_on_the_wire(other, train) && train->when - other->when < trains->life) {
			return true;
		}
	}
	return false;
}

/* The bytes of the piece leave; true: some of them have before. */
static bool overlaps(struct laws_train *train, const struct frame *out)
{
	__u32 first = frame_get16(out, FRAME_ETH + 6) & FRAG_OFFSET;
	__u32 bytes = frame_get16(out, FRAME_ETH + 2) - (__u32)(frame_l4(out) - FRAME_ETH);
	bool again = false;

	for (__u32 i = first; i < first + (bytes + 7) / 8 && i < LAWS_TRAIN_WORDS * 64; i++) {
		again |= train->gone[i / 64] >> (i % 64) & 1;
		train->gone[i / 64] |= 1ULL << (i % 64);
	}
	return again;
}

static const char *follow_first(struct laws_trains *trains, struct laws_train *train,
				const struct laws_train *now, const struct laws_piece *piece)
{
	*train = *now;
	overlaps(train, piece->out);
	return piece->outbound && is_taken(trains, now)
		       ? "two datagrams in fragments with one identification"
		       : NULL;
}

const char *laws_train_follow(struct laws_trains *trains, const struct laws_piece *piece)
{
	struct laws_train *train = train_of(trains, piece->train);
	const struct laws_train now = {
		.number = piece->train,
		.has_left = true,
		.src = frame_src(piece->out),
		.dst = frame_dst(piece->out),
		.id = frame_get16(piece->out, FRAME_ETH + 4),
		.proto = piece->out->data[FRAME_ETH + 9],
		.when = piece->when,
	};

	if (train->is_spoiled) {
		return NULL;
	}
	if (piece->is_first && (!train->has_left || now.when - train->when >= trains->life)) {
		return follow_first(trains, train, &now, piece);
	}
	if (train->has_left ? !same_on_the_wire(train, &now) : !piece->is_alone) {
		return follows_stray(trains, piece)
			       ? NULL
			       : "a fragment that does not follow its first one";
	}
	if (piece->is_alone) {
		return NULL;
	}
	if (now.when - train->when >= trains->life + trains->slack) {
		return "a fragment that comes too late";
	}
	return overlaps(train, piece->out) ? "a fragment that overlaps another one" : NULL;
}
