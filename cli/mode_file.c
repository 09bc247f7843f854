/* SPDX-License-Identifier: GPL-2.0-only */
/* mazed reads only names that end in .conf, so no file of replace_file(). */
#include "mode_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/proc_files.h"
#include "base/replace_file.h"

/* A larger file was not written here. */
#define SIZE_MAX_BYTES 4096

static int read_before(const char *path, char **ret_text)
{
	char *text = malloc(SIZE_MAX_BYTES);
	ssize_t length = text ? read_file_at(AT_FDCWD, path, text, SIZE_MAX_BYTES) : -ENOMEM;

	if (length >= 0 && length < SIZE_MAX_BYTES - 1) {
		*ret_text = text;
		return 0;
	}
	free(text);
	return length == -ENOENT ? 0 : length < 0 ? (int)length : -EFBIG;
}

int mode_file_write(const struct command *command, const char *config, const char *rule,
		    bool shadow, struct mode_file *ret_file)
{
	struct mode_file file = { 0 };
	char *directory = NULL, *text = NULL;
	int err = -ENOMEM;

	if (asprintf(&directory, "%s.d", config) < 0 ||
	    asprintf(&file.path, "%s/zz-mode-%s.conf", directory, rule) < 0 ||
	    asprintf(&text, "# Written by maze rules %s %s.\n[mode %s]\nshadow = %s\n",
		     shadow ? "shadow" : "enforce", rule, rule, shadow ? "yes" : "no") < 0)
		goto out;
	err = mkdir(directory, 0755) && errno != EEXIST ? -errno : 0;
	if (!err)
		err = read_before(file.path, &file.before);
	if (!err)
		err = replace_file(file.path, text, 0644);
	if (!err)
		*ret_file = file;
out:
	if (err) {
		print_error(command, "cannot write the mode of rule %s below %s.d: %s", rule,
			    config, strerror(-err));
		mode_file_done(&file);
	}
	free(directory);
	free(text);
	return err;
}

void mode_file_undo(const struct command *command, const struct mode_file *file)
{
	int err = file->before	       ? replace_file(file->path, file->before, 0644)
		  : unlink(file->path) ? -errno
				       : 0;

	if (err)
		print_error(command, "cannot undo the change of %s: %s", file->path,
			    strerror(-err));
}

void mode_file_done(struct mode_file *file)
{
	free(file->path);
	free(file->before);
	*file = (struct mode_file){ 0 };
}
