/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MAZE_REPORT_FILE_TEXT_H
#define MAZE_REPORT_FILE_TEXT_H

#include <sys/types.h>

#include "../base/maze_error.h"

/*
 * Reads the regular file `name` in the directory `dirfd`, opened with `flags` too, as
 * O_NOFOLLOW, of at most `max` bytes. The error does not name the file. The caller frees
 * the text, which does not end with NUL. Returns -EINVAL, -EFBIG, -ENOMEM, or the -errno of
 * open(2) or read(2).
 */
int file_text_read(int dirfd, const char *name, int flags, off_t max, char **ret_text,
		   size_t *ret_size, struct maze_error *error);

#endif
