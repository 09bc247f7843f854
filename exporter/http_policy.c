/* SPDX-License-Identifier: GPL-2.0-only */
#include "http_policy.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define NOTHING "default-src 'none'"

static bool is_name(const char *host, size_t length, const char *name)
{
	return strlen(name) == length && !strncasecmp(host, name, length);
}

/* The length of the host without ":PORT"; 0: invalid. */
static size_t without_port(const char *host)
{
	const char *end = host[0] == '[' ? strchr(host, ']') : NULL;
	size_t length = end ? (size_t)(end + 1 - host) : strcspn(host, ":");
	const char *port = host + length;

	if (*port == ':')
		port += 1 + strspn(port + 1, "0123456789");
	return *port ? 0 : length;
}

bool http_policy_allows_host(const char *host, const char *const *hosts)
{
	static const char *const loopback[] = { "localhost", "127.0.0.1", "[::1]", NULL };
	size_t length = host ? without_port(host) : 0, i;

	for (i = 0; length && loopback[i]; i++)
		if (is_name(host, length, loopback[i]))
			return true;
	for (i = 0; length && hosts[i]; i++)
		if (is_name(host, length, hosts[i]))
			return true;
	return false;
}

void http_policy_of_page(const char *page, size_t size, char ret_policy[HTTP_POLICY_MAX])
{
	static const char mark[] = "http-equiv=\"Content-Security-Policy\" content=\"";
	const char *at = memmem(page, size, mark, sizeof(mark) - 1), *end = NULL;

	if (at) {
		at += sizeof(mark) - 1;
		end = memchr(at, '"', size - (size_t)(at - page));
	}
	if (end && end - at < HTTP_POLICY_MAX)
		snprintf(ret_policy, HTTP_POLICY_MAX, "%.*s", (int)(end - at), at);
	else
		snprintf(ret_policy, HTTP_POLICY_MAX, NOTHING);
}

void http_policy_add(struct MHD_Response *response, const char *policy)
{
	static const char *const headers[][2] = {
		{ "X-Content-Type-Options", "nosniff" },
		{ "Referrer-Policy", "no-referrer" },
		{ "Cross-Origin-Resource-Policy", "same-origin" },
		{ "Cross-Origin-Opener-Policy", "same-origin" },
		{ "Cache-Control", "no-store" },
	};
	char with_ancestors[HTTP_POLICY_MAX + 64];
	size_t i;

	/* A page cannot declare frame-ancestors itself. */
	snprintf(with_ancestors, sizeof(with_ancestors), "%s; frame-ancestors 'none'",
		 policy ? policy : NOTHING);
	MHD_add_response_header(response, "Content-Security-Policy", with_ancestors);
	for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		MHD_add_response_header(response, headers[i][0], headers[i][1]);
}
