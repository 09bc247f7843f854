/* SPDX-License-Identifier: GPL-2.0-only */
#include "values.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../base/error.h"

int value_yes_no(const char *value, bool *ret_yes, struct maze_error *error)
{
	struct maze_policy policy = { 0 };
	int err = maze_policy_set(&policy, "shadow", value, error);

	if (!err)
		*ret_yes = policy.flags & MAZE_POLICY_SHADOW;
	return err;
}

int value_number(const char *value, long min, long max, long *ret_number, struct maze_error *error)
{
	char *end;
	long number;

	errno = 0;
	number = strtol(value, &end, 10);
	if (errno || end == value || *end || number < min || number > max)
		return maze_fail(error, -EINVAL, "\"%.64s\" is not a number from %ld to %ld", value,
				 min, max);
	*ret_number = number;
	return 0;
}

int value_bytes(const char *value, maze_u64 min, maze_u64 max, maze_u64 *ret_bytes,
		struct maze_error *error)
{
	static const char units[] = "KMG";
	unsigned long long number;
	unsigned int shift = 0;
	const char *unit;
	char *end;

	errno = 0;
	number = strtoull(value, &end, 10);
	/* strtoull(3) would also accept a sign or blanks before the number. */
	if (*value < '0' || *value > '9')
		errno = EINVAL;
	if (!errno && *end) {
		unit = strchr(units, *end);
		if (!unit || end[1])
			errno = EINVAL;
		else
			shift = 10 * ((unsigned int)(unit - units) + 1);
	}
	if (errno || number > max >> shift || number << shift < min)
		return maze_fail(error, -EINVAL,
				 "\"%.64s\" is not a size from %llu to %llu bytes, such as 64M",
				 value, min, max);
	*ret_bytes = number << shift;
	return 0;
}

int value_duration(const char *value, maze_u64 *ret_ns, struct maze_error *error)
{
	maze_u64 ns = 0;
	int err = maze_duration_parse(value, &ns, error);

	if (err)
		return err;
	if (ns < MAZE_LIMIT_MIN_NS || ns > MAZE_LIMIT_MAX_NS)
		return maze_fail(error, -EINVAL, "%.64s is not from 1ms to 366 days", value);
	*ret_ns = ns;
	return 0;
}

int value_path(const char *value, size_t max, char **ret_path, struct maze_error *error)
{
	char *path;

	if (value[0] != '/')
		return maze_fail(error, -EINVAL, "\"%.128s\" is not an absolute path", value);
	if (strlen(value) > max)
		return maze_fail(error, -EINVAL, "the path is longer than %zu bytes", max);
	path = strdup(value);
	if (!path)
		return maze_fail(error, -ENOMEM, "out of memory");
	free(*ret_path);
	*ret_path = path;
	return 0;
}
