/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MAZE_CLI_REPLACE_FILE_H
#define MAZE_CLI_REPLACE_FILE_H

/*
 * Replaces the file by one with this text and the mode 0644, by rename(2). The new file has
 * the name PATH.XXXXXX before. On failure returns -errno, and the old file stays.
 */
int replace_file(const char *path, const char *text);

struct command;
/*
 * Does that for a file that the user has named, and returns an exit status after an error
 * message. A link is refused, because rename(2) would replace it, and not the file that it
 * names.
 */
int replace_output(const struct command *command, const char *path, const char *text);

#endif
