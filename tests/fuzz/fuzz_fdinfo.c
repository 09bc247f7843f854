/* SPDX-License-Identifier: GPL-2.0-only */
/* Any text as a file of /proc/PID/fdinfo, and as a line of /proc/PID/net/tcp. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/capture/fdinfo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Allocated with the exact size, so that a read beyond the end is detected. */
	char *text = malloc(size + 1);
	struct net_socket socket;
	struct fdinfo info;

	if (!text)
		return 0;
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	fdinfo_parse(text, &info);
	if (info.watches_count > FDINFO_WATCHES_MAX || info.watches_total < info.watches_count)
		abort();
	if (net_line_parse(text, &socket) &&
	    (!memchr(socket.local, '\0', sizeof(socket.local)) ||
	     !memchr(socket.remote, '\0', sizeof(socket.remote)) || !strchr(socket.local, ':') ||
	     !strchr(socket.remote, ':') || socket.state > 255))
		abort();
	free(text);
	return 0;
}
