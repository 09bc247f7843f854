/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The beginning of a small file of /proc, in one buffer.
 */
#ifndef MAZE_LIB_READ_FILE_H
#define MAZE_LIB_READ_FILE_H

#include <stddef.h>
#include <sys/types.h>

/* Reads up to size - 1 bytes and ends them with NUL; returns how many, or -errno. */
ssize_t read_file_at(int directory_fd, const char *name, char *buf, size_t size);

#endif
