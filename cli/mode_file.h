/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The drop-in file of mazed's configuration that sets the mode of one rule. mazed reads
 * drop-ins in the order of their names, and the name of this one is among the last.
 */
#ifndef MAZE_CLI_MODE_FILE_H
#define MAZE_CLI_MODE_FILE_H

#include "command.h"

struct mode_file {
	char *path;
	char *before; /* what it was; NULL: it did not exist */
};

/*
 * Writes CONFIG.d/zz-mode-NAME.conf in one step. Returns 0, or -errno after an error
 * message. The caller calls mode_file_done() after success.
 */
int mode_file_write(const struct command *command, const char *config, const char *rule,
		    bool shadow, struct mode_file *ret_file);
/* Makes the file what it was before. */
void mode_file_undo(const struct command *command, const struct mode_file *file);
void mode_file_done(struct mode_file *file);

#endif
