/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Any bytes as a command line: the number of words stays, the value of a secret is gone,
 * and the result is valid JSON.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/store/redact.h"
#include "lib/utf8_json.h"

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
	char *words = malloc(size + sizeof(secret) + 1), *redacted;
	struct redactor *redactor;
	size_t redacted_size;
	json_t *string;

	if (!words || redact_new(NULL, 0, &redactor, NULL))
		abort();
	memcpy(words, data, size);
	words[size] = '\0';
	memcpy(words + size + 1, secret, sizeof(secret));
	redacted = redact_apply(redactor, words, size + 1 + sizeof(secret), &redacted_size);
	if (!redacted ||
	    count_words(redacted, redacted_size) != count_words(words, size + 1 + sizeof(secret)))
		abort();
	if (redacted_size >= 5 && !strcmp(redacted + redacted_size - 5, "hush"))
		abort();
	string = utf8_json(redacted, redacted_size);
	if (!string)
		abort();
	json_decref(string);
	free(redacted);
	free(words);
	redact_free(redactor);
	return 0;
}
