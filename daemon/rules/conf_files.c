/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * This file decides which configuration files are read, and in which order. mazed runs
 * commands from these files as root, so it refuses a file or directory that all users may
 * write to. It reads only regular files, because a FIFO would block a reload.
 */
#include "conf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The text of packaging/maze.conf, without a final NUL. */
extern const char conf_built_in[], conf_built_in_end[];
__asm__(".pushsection .rodata\n"
	".globl conf_built_in, conf_built_in_end\n"
	".hidden conf_built_in, conf_built_in_end\n"
	"conf_built_in: .incbin \"packaging/maze.conf\"\n"
	"conf_built_in_end:\n"
	".popsection\n");

int conf_read_built_in(struct conf *conf, struct problems *problems)
{
	return conf_parse(conf, "built-in", conf_built_in,
			  (size_t)(conf_built_in_end - conf_built_in), problems);
}

static int read_all(int fd, size_t size, char **ret_text, size_t *ret_length)
{
	/*
	 * The buffer has one byte more than the file, to detect that the file has grown.
	 */
	char *text = malloc(size + 1);
	size_t length = 0;
	ssize_t got;
	int err;

	if (!text)
		return -ENOMEM;
	do {
		got = read(fd, text + length, size + 1 - length);
		if (got > 0)
			length += (size_t)got;
	} while ((got > 0 && length <= size) || (got < 0 && errno == EINTR));
	if (got < 0) {
		err = -errno;
		free(text);
		return err;
	}
	*ret_text = text;
	*ret_length = length;
	return 0;
}

/* Returns the reason for refusing the file, or NULL. */
static const char *refusal(const struct stat *status)
{
	if (!S_ISREG(status->st_mode))
		return "not a regular file";
	if (status->st_size > CONF_FILE_MAX_BYTES)
		return "larger than the maximum of 4 MiB";
	if (status->st_mode & S_IWOTH)
		return "all users may write to it; remove that permission (chmod o-w)";
	return NULL;
}

int conf_read_text(const char *path, const char *(*refusal)(const struct stat *status),
		   struct problems *problems, char **ret_text, size_t *ret_length)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), err = 0;
	const char *why_not;
	struct stat status;
	size_t length = 0;
	char *text = NULL;

	if (fd < 0 || fstat(fd, &status)) {
		problems_add(problems, PROBLEM_ERROR, path, 0, NULL, "cannot open: %s",
			     strerror(errno));
		goto out_fd;
	}
	why_not = refusal(&status);
	if (why_not) {
		problems_add(problems, PROBLEM_ERROR, path, 0, NULL, "%s", why_not);
		goto out_fd;
	}
	err = read_all(fd, (size_t)status.st_size, &text, &length);
	if (err == -ENOMEM)
		goto out_fd;
	if (err) {
		problems_add(problems, PROBLEM_ERROR, path, 0, NULL, "cannot read: %s",
			     strerror(-err));
		err = 0;
	} else if (length != (size_t)status.st_size) {
		problems_add(problems, PROBLEM_ERROR, path, 0, NULL,
			     "it changed while it was read; try again");
		free(text);
	} else {
		*ret_text = text;
		*ret_length = length;
	}
out_fd:
	if (fd >= 0)
		close(fd);
	return err;
}

int conf_read_file(struct conf *conf, const char *path, struct problems *problems)
{
	char *text = NULL;
	size_t length = 0;
	int err = conf_read_text(path, refusal, problems, &text, &length);

	if (!err && text)
		err = conf_parse(conf, path, text, length, problems);
	free(text);
	return err;
}

/* Compares bytes, because the order must not depend on the locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* Accepts only *.conf, and so skips files such as .swp, ~ and .dpkg-old. */
static int is_drop_in(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return entry->d_name[0] != '.' && length > 5 &&
	       !strcmp(entry->d_name + length - 5, ".conf");
}

static int read_named(struct conf *conf, const char *directory, const char *name,
		      struct problems *problems)
{
	char *path;
	int err;

	if (asprintf(&path, "%s/%s", directory, name) < 0)
		return -ENOMEM;
	err = conf_read_file(conf, path, problems);
	free(path);
	return err;
}

/*
 * In a sticky directory too, any user can add a file, and mazed would run its commands.
 */
static bool is_world_writable(const char *directory)
{
	struct stat status;

	return !stat(directory, &status) && (status.st_mode & S_IWOTH);
}

int conf_read_directory(struct conf *conf, const char *directory, struct problems *problems)
{
	struct dirent **names = NULL;
	int count, i, err = 0;

	if (is_world_writable(directory)) {
		problems_add(problems, PROBLEM_ERROR, directory, 0, NULL,
			     "all users may write to it; remove that permission (chmod o-w)");
		return 0;
	}
	count = scandir(directory, &names, is_drop_in, by_name);
	if (count < 0 && errno != ENOENT)
		problems_add(problems, PROBLEM_ERROR, directory, 0, NULL,
			     "cannot read the directory: %s", strerror(errno));
	if (count > CONF_FILES_MAX)
		problems_add(problems, PROBLEM_ERROR, directory, 0, NULL,
			     "%d files; the maximum is %d", count, CONF_FILES_MAX);
	for (i = 0; i < count; i++) {
		if (!err && count <= CONF_FILES_MAX)
			err = read_named(conf, directory, names[i]->d_name, problems);
		free(names[i]);
	}
	free(names);
	return err;
}

int conf_read_drop_ins(struct conf *conf, const char *path, struct problems *problems)
{
	char *directory;
	int err;

	if (asprintf(&directory, "%s.d", path) < 0)
		return -ENOMEM;
	err = conf_read_directory(conf, directory, problems);
	free(directory);
	return err;
}
