/* SPDX-License-Identifier: GPL-2.0-only */
/* Which requests a browser may be led to, and what a page may do in it. */
#ifndef MAZE_EXPORTER_HTTP_POLICY_H
#define MAZE_EXPORTER_HTTP_POLICY_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>

#define HTTP_POLICY_MAX 512

/*
 * Whether a request with this Host, which may have a port, was meant for this program:
 * "localhost", an address of loopback, or one of `hosts` (ended by NULL). Otherwise a page
 * elsewhere could have its name point here, and read what is here (DNS rebinding).
 */
bool http_policy_allows_host(const char *host, const char *const *hosts);

/*
 * Copies the content security policy that a page declares. It allows style and script of
 * the page by their hashes. A text without one gets a policy that allows nothing.
 */
void http_policy_of_page(const char *page, size_t size, char ret_policy[HTTP_POLICY_MAX]);

/* Adds the headers about security. `policy` may be NULL: nothing is allowed. */
void http_policy_add(struct MHD_Response *response, const char *policy);

#endif
