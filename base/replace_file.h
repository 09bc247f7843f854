/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MAZE_BASE_REPLACE_FILE_H
#define MAZE_BASE_REPLACE_FILE_H

#include <sys/types.h>

/*
 * Replaces the file by one with this text and mode, by rename(2). The new file has the name
 * PATH.XXXXXX before. On failure returns -errno, and the old file stays.
 */
int replace_file(const char *path, const char *text, mode_t mode);

#endif
