/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Any bytes as a command line: the number of words stays, the value of a secret is gone,
 * and the result is valid JSON.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/mask.h"
#include "evidence/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t count_words(const char *words, size_t size)
{
	size_t count = 0, i;

	for (i = 0; i < size; i++)
		count += !words[i];
	/* The last word may lack its terminating NUL. */
	return count + (size && words[size - 1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char secret[] = "--password=hush";
	char *words = malloc(size + sizeof(secret) + 1), *masked;
	struct masks *masks;
	size_t masked_size;
	json_t *string;

	if (!words || masks_new(NULL, 0, &masks, NULL))
		abort();
	memcpy(words, data, size);
	words[size] = '\0';
	memcpy(words + size + 1, secret, sizeof(secret));
	masked = masks_apply(masks, words, size + 1 + sizeof(secret), &masked_size);
	if (!masked ||
	    count_words(masked, masked_size) != count_words(words, size + 1 + sizeof(secret)))
		abort();
	if (masked_size >= 5 && !strcmp(masked + masked_size - 5, "hush"))
		abort();
	string = utf8_json(masked, masked_size);
	if (!string)
		abort();
	json_decref(string);
	free(masked);
	free(words);
	masks_free(masks);
	return 0;
}
