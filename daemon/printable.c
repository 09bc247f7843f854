/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * See printable.h. Bytes from 128 on are left as they are: they may be UTF-8.
 */
#include "printable.h"

void printable_write(FILE *out, const char *text)
{
	const unsigned char *at;

	for (at = (const unsigned char *)text; *at; at++) {
		if (*at < ' ' || *at == 127)
			fprintf(out, "\\x%02x", *at);
		else
			fputc(*at, out);
	}
}
