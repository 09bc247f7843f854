/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef MAZE_CLI_REPLACE_OUTPUT_H
#define MAZE_CLI_REPLACE_OUTPUT_H

struct command;
/*
 * Replaces a file that the user has named by one with this text and the mode 0644
 * (base/replace_file.h), and returns an exit status after an error message. A link is
 * refused, because rename(2) would replace it, and not the file that it names.
 */
int replace_output(const struct command *command, const char *path, const char *text);

#endif
