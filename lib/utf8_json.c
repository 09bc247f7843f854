/* SPDX-License-Identifier: GPL-2.0-only */
#include "utf8_json.h"

#include <stdlib.h>
#include <string.h>

#include "../base/escape.h"

#define REPLACEMENT "\xef\xbf\xbd"

json_t *utf8_json(const char *bytes, size_t length)
{
	char *text = malloc(length * strlen(REPLACEMENT) + 1);
	size_t i = 0, n = 0, size;
	unsigned int code;
	json_t *string;

	if (!text)
		return NULL;
	while (i < length) {
		size = utf8_decode(bytes + i, length - i, &code);
		if (size) {
			memcpy(text + n, bytes + i, size);
			n += size;
			i += size;
		} else {
			memcpy(text + n, REPLACEMENT, strlen(REPLACEMENT));
			n += strlen(REPLACEMENT);
			i++;
		}
	}
	string = json_stringn(text, n);
	free(text);
	return string;
}
