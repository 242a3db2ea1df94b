// SPDX-License-Identifier: GPL-2.0-only
/* Reasons by name and by bit. Not responsible for what is done with them. */
#include "drop_samples_reason.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "names.h"

static int find_drop(const char *label, size_t size, unsigned int *ret_verdict)
{
	for (unsigned int i = 0; i < NATGW_VERDICT_COUNT; i++) {
		if (names_verdict_class(i) == NATGW_CLASS_DROP &&
		    strlen(names_verdict(i)) == size &&
		    strncmp(names_verdict(i), label, size) == 0) {
			*ret_verdict = i;
			return 0;
		}
	}
	return -EINVAL;
}

int drop_samples_reason_parse(const char *reasons, uint32_t ret_bits[DROP_SAMPLES_REASON_WORDS])
{
	uint32_t bits[DROP_SAMPLES_REASON_WORDS] = { 0 };

	for (const char *word = reasons;; word++) {
		size_t size = strcspn(word, ",");
		unsigned int verdict;

		if (find_drop(word, size, &verdict) < 0) {
			return -EINVAL;
		}
		bits[verdict / 32] |= 1U << verdict % 32;
		word += size;
		if (!*word) {
			break;
		}
	}
	memcpy(ret_bits, bits, sizeof(bits));
	return 0;
}

void drop_samples_reason_all(uint32_t bits[DROP_SAMPLES_REASON_WORDS])
{
	for (unsigned int i = 0; i < NATGW_VERDICT_COUNT; i++) {
		if (names_verdict_class(i) == NATGW_CLASS_DROP) {
			bits[i / 32] |= 1U << i % 32;
		}
	}
}

bool drop_samples_reason_has(const uint32_t bits[DROP_SAMPLES_REASON_WORDS], unsigned int verdict)
{
	return verdict < NATGW_VERDICT_COUNT && bits[verdict / 32] >> verdict % 32 & 1;
}
