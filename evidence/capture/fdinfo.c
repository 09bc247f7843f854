/* SPDX-License-Identifier: GPL-2.0-only */
#include "fdinfo.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- fdinfo ------------------------------------------------------------------------ */

/* Returns the value behind the name, or NULL if the line has another name. */
static const char *value_of(const char *line, const char *name)
{
	size_t length = strlen(name);

	return strncmp(line, name, length) ? NULL : line + length;
}

static void parse_number(const char *line, struct fdinfo *info)
{
	const struct {
		const char *name;
		int base;
		maze_u64 *to;
	} numbers[] = {
		{ "pos:", 10, &info->position },	{ "ino:", 10, &info->inode },
		{ "eventfd-count:", 16, &info->count }, { "ticks:", 10, &info->ticks },
		{ "sigmask:", 16, &info->signals },	{ "Pid:", 10, &info->pid },
	};
	const char *value;
	size_t i;

	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		value = value_of(line, numbers[i].name);
		if (value)
			*numbers[i].to = strtoull(value, NULL, numbers[i].base);
	}
	value = value_of(line, "flags:");
	if (value)
		info->flags = (maze_u32)strtoul(value, NULL, 8);
}

/* "tfd:        4 events:       19 data:                4  pos:0 ino:2eed2b1 sdev:9" */
static void parse_watch(const char *line, struct fdinfo *info)
{
	struct fdinfo_watch watch = { 0 };
	unsigned long long inode = 0;

	if (sscanf(line, "tfd: %9d events: %8x data: %*16x pos:%*20d ino:%16llx", &watch.fd,
		   &watch.events, &inode) < 2)
		return;
	watch.inode = inode;
	if (info->watches_count < FDINFO_WATCHES_MAX)
		info->watches[info->watches_count++] = watch;
	info->watches_total++;
}

void fdinfo_parse(const char *text, struct fdinfo *ret_info)
{
	const char *line, *end;
	char copy[256];
	size_t length;

	*ret_info = (struct fdinfo){ 0 };
	for (line = text; *line; line = *end ? end + 1 : end) {
		end = line + strcspn(line, "\n");
		length = (size_t)(end - line);
		/* The end of a line is of no interest, and strtoull() skips newlines. */
		if (length >= sizeof(copy))
			length = sizeof(copy) - 1;
		memcpy(copy, line, length);
		copy[length] = '\0';
		if (value_of(copy, "tfd:"))
			parse_watch(copy, ret_info);
		else
			parse_number(copy, ret_info);
	}
}

/* ---- sockets ----------------------------------------------------------------------- */

/* The kernel prints an address in network byte order as 1 or 4 numbers of the host. */
static bool put_address(const char *digits, unsigned int port, char buf[FDINFO_ADDRESS_MAX])
{
	size_t words = strlen(digits) / 8, i;
	char word[9] = "", text[INET6_ADDRSTRLEN];
	uint32_t address[4];

	if ((words != 1 && words != 4) || strlen(digits) % 8 || port > 65535)
		return false;
	for (i = 0; i < words; i++) {
		memcpy(word, digits + i * 8, 8);
		address[i] = (uint32_t)strtoul(word, NULL, 16);
	}
	if (!inet_ntop(words == 1 ? AF_INET : AF_INET6, address, text, sizeof(text)))
		return false;
	snprintf(buf, FDINFO_ADDRESS_MAX, words == 1 ? "%s:%u" : "[%s]:%u", text, port);
	return true;
}

bool net_line_parse(const char *line, struct net_socket *ret_socket)
{
	char local[33], remote[33];
	unsigned int local_port, remote_port;
	unsigned long long inode;

	*ret_socket = (struct net_socket){ 0 };
	if (sscanf(line,
		   " %*[0-9]: %32[0-9A-Fa-f]:%4x %32[0-9A-Fa-f]:%4x %2x %8x:%8x %*x:%*x %*x %*u "
		   "%*d "
		   "%19llu",
		   local, &local_port, remote, &remote_port, &ret_socket->state,
		   &ret_socket->unsent, &ret_socket->unread, &inode) != 8)
		return false;
	ret_socket->inode = inode;
	return put_address(local, local_port, ret_socket->local) &&
	       put_address(remote, remote_port, ret_socket->remote);
}
