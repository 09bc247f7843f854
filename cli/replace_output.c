/* SPDX-License-Identifier: GPL-2.0-only */
#include "command.h"
#include "replace_output.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/replace_file.h"

int replace_output(const struct command *command, const char *path, const char *text)
{
	struct stat status;
	int err = !lstat(path, &status) && !S_ISREG(status.st_mode)
			  ? -EINVAL
			  : replace_file(path, text, 0644);

	if (!err)
		return EXIT_MAZE_OK;
	print_error(command, "cannot write %s: %s", path,
		    err == -EINVAL ? "it is not a regular file" : strerror(-err));
	return EXIT_MAZE_FAILED;
}
