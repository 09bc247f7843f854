/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A file is written under a temporary name and then linked to its own name. So a reader
 * never sees an incomplete file. There is no fsync(2), because a busy disk would block
 * the caller. A crash of the machine loses only the incidents of the last seconds.
 */
#include "incident_store.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../../base/error.h"
#include "../../base/escape.h"
#include "../../lib/maze.h"
#include "../../lib/paths.h"

#define FILE_MODE 0600
#define SHARED_FILE_MODE 0640
#define DIRECTORY_MODE 0700
/* A parent such as /var/lib/maze may hold other files, so other users can open it. */
#define PARENT_MODE 0755
/* The maximum of files with one id. Two PID namespaces or boots may give one id. */
#define SAME_ID_MAX 100
/* The maximum of files that one call removes. Mostly one file is beyond the limits. */
#define PRUNE_MAX 64
#define PART_AGE_NS (60 * MAZE_NSEC_PER_SEC)
#define SUFFIX ".json"
#define PART_SUFFIX ".part"

struct incident_store {
	char *dir;
	struct incident_store_limits limits;
	int fd; /* -1: not open */
};

int incident_store_new(const char *dir, const struct incident_store_limits *limits,
		       struct incident_store **ret_store)
{
	struct incident_store *store = calloc(1, sizeof(*store));

	if (!store)
		return -ENOMEM;
	store->dir = strdup(dir);
	if (!store->dir) {
		free(store);
		return -ENOMEM;
	}
	store->limits = *limits;
	store->fd = -1;
	*ret_store = store;
	return 0;
}

static void close_directory(struct incident_store *store)
{
	if (store->fd >= 0)
		close(store->fd);
	store->fd = -1;
}

void incident_store_free(struct incident_store *store)
{
	if (!store)
		return;
	close_directory(store);
	free(store->dir);
	free(store);
}

/* ---- the directory ----------------------------------------------------------------- */

static int make_directories(const char *dir)
{
	char path[PATH_MAX], *slash;
	size_t length = strlen(dir);

	if (length >= sizeof(path))
		return -ENAMETOOLONG;
	memcpy(path, dir, length + 1);
	for (slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, PARENT_MODE) && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return mkdir(path, DIRECTORY_MODE) && errno != EEXIST ? -errno : 0;
}

/* Returns false if the path no longer refers to the open directory. */
static bool is_there_still(const struct incident_store *store)
{
	struct stat opened, found;

	return !fstat(store->fd, &opened) && !lstat(store->dir, &found) &&
	       opened.st_dev == found.st_dev && opened.st_ino == found.st_ino;
}

int incident_store_open(struct incident_store *store, struct maze_error *error)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	struct stat status;
	int err;

	if (store->fd >= 0 && is_there_still(store))
		return 0;
	close_directory(store);
	store->fd = open(store->dir, flags);
	if (store->fd < 0 && errno == ENOENT) {
		err = make_directories(store->dir);
		if (err)
			return maze_fail(error, err, "cannot create the incident directory %s: %s",
					 store->dir, strerror(-err));
		store->fd = open(store->dir, flags);
	}
	err = store->fd < 0 ? -errno : 0;
	if (err == -ELOOP || err == -ENOTDIR)
		return maze_fail(error, err,
				 "the incident directory %s is not a directory, or a symbolic "
				 "link, which is not followed",
				 store->dir);
	if (err)
		return maze_fail(error, err, "cannot open the incident directory %s: %s",
				 store->dir, strerror(-err));
	/* Refuse the directory, because another user could replace incidents in it. */
	if (!fstat(store->fd, &status) && (status.st_mode & (S_IWGRP | S_IWOTH)) &&
	    !(status.st_mode & S_ISVTX)) {
		close_directory(store);
		return maze_fail(error, -EPERM,
				 "other users may write to the incident directory %s; only its "
				 "owner should (chmod go-w)",
				 store->dir);
	}
	return 0;
}

/* ---- writing ----------------------------------------------------------------------- */

static int write_all(int fd, const char *text, size_t length)
{
	ssize_t written;

	while (length) {
		written = write(fd, text, length);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		text += written;
		length -= (size_t)written;
	}
	return 0;
}

/*
 * A directory that its group may read, and that gives its group to files (set-group-ID),
 * is for that group. The administrator sets both; mazed needs no right to change groups.
 */
static mode_t file_mode(const struct incident_store *store)
{
	const mode_t shared = S_ISGID | S_IRGRP;
	struct stat status;

	return !fstat(store->fd, &status) && (status.st_mode & shared) == shared ? SHARED_FILE_MODE
										 : FILE_MODE;
}

static int write_part(struct incident_store *store, const char *part, const char *text)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(store->fd, part, flags, FILE_MODE), err;

	/* A process that was killed has left a temporary file of this name. */
	if (fd < 0 && errno == EEXIST && !unlinkat(store->fd, part, 0))
		fd = openat(store->fd, part, flags, FILE_MODE);
	if (fd < 0)
		return -errno;
	/* The umask may have removed bits. */
	fchmod(fd, file_mode(store));
	err = write_all(fd, text, strlen(text));
	if (close(fd) && !err)
		err = -errno;
	return err;
}

/* Uses link(2), because rename(2) would replace an existing file. */
static int give_name(struct incident_store *store, const char *part, char *id, size_t size)
{
	char name[NAME_MAX + 1], plain[NAME_MAX + 1];
	unsigned int number;

	snprintf(plain, sizeof(plain), "%s", id);
	for (number = 1; number <= SAME_ID_MAX; number++) {
		if (number > 1)
			snprintf(id, size, "%.200s-%u", plain, number);
		snprintf(name, sizeof(name), "%.240s" SUFFIX, id);
		if (!linkat(store->fd, part, store->fd, name, 0))
			return unlinkat(store->fd, part, 0) ? -errno : 0;
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

static int write_new(struct incident_store *store, char *id, size_t size, const char *part)
{
	char plain[NAME_MAX + 1];
	int err;

	snprintf(plain, sizeof(plain), "%.200s", id);
	err = give_name(store, part, id, size);
	if (err) {
		snprintf(id, size, "%s", plain);
		return err;
	}
	return strcmp(plain, id) != 0;
}

int incident_store_write(struct incident_store *store, char *id, size_t size, bool again,
			 const char *text, struct maze_error *error)
{
	char part[NAME_MAX + 1], name[NAME_MAX + 1];
	int err = incident_store_open(store, error);

	if (err)
		return err;
	snprintf(part, sizeof(part), ".%.200s" PART_SUFFIX, id);
	err = write_part(store, part, text);
	if (!err && again) {
		snprintf(name, sizeof(name), "%.200s" SUFFIX, id);
		if (renameat(store->fd, part, store->fd, name))
			err = -errno;
	} else if (!err) {
		err = write_new(store, id, size, part);
	}
	if (err >= 0)
		return err;
	unlinkat(store->fd, part, 0);
	return maze_fail(error, err, "cannot write incident %s to %s: %s", id, store->dir,
			 strerror(-err));
}

const char *incident_store_command(const struct incident_store *store, const char *id, char *buf,
				   size_t size)
{
	bool other = strcmp(store->dir, MAZE_INCIDENT_DIR) != 0;
	char dir[400];

	snprintf(buf, size, "maze report %s%s%s%s", other ? "--incidents " : "",
		 other ? shell_word(dir, sizeof(dir), store->dir) : "", other ? " " : "", id);
	return buf;
}

/* ---- pruning ----------------------------------------------------------------------- */

static bool take_digits(const char **at, size_t least, size_t most)
{
	size_t count = strspn(*at, "0123456789");

	if (count < least || count > most)
		return false;
	*at += count;
	return true;
}

static bool take_byte(const char **at, char byte)
{
	if (**at != byte)
		return false;
	(*at)++;
	return true;
}

static bool take_scope(const char **at)
{
	const char *name;
	unsigned int scope;

	for (scope = MAZE_SCOPE_PROCESS; scope < MAZE_SCOPE_COUNT_; scope++) {
		name = maze_policy_scope_name(scope);
		if (!strncmp(*at, name, strlen(name))) {
			*at += strlen(name);
			return true;
		}
	}
	return false;
}

/* Sets *ret_uid, which is -1 for the owner's files. Returns false for other names. */
static bool parse_name(const char *name, long long *ret_uid)
{
	const char *at = name;

	*ret_uid = -1;
	/*
	 * The name is 20261124T204512Z-4711-4713-0, that of a group
	 * 20261124T204512Z-4711-tree-0. Another user's name continues with -u1000, and a
	 * name that was taken continues with -2.
	 */
	if (!take_digits(&at, 8, 10) || !take_byte(&at, 'T') || !take_digits(&at, 6, 6) ||
	    !take_byte(&at, 'Z') || !take_byte(&at, '-') || !take_digits(&at, 1, 20) ||
	    !take_byte(&at, '-') || (!take_digits(&at, 1, 10) && !take_scope(&at)) ||
	    !take_byte(&at, '-') || !take_digits(&at, 1, 10))
		return false;
	if (at[0] == '-' && at[1] == 'u') {
		at += 2;
		*ret_uid = atoll(at);
		if (!take_digits(&at, 1, 10))
			return false;
	}
	if (take_byte(&at, '-') && !take_digits(&at, 1, 3))
		return false;
	return !strcmp(at, SUFFIX);
}

/* Parses the name of a temporary file. */
static bool parse_part(const char *name, long long *ret_uid)
{
	size_t length = strlen(name), suffix = strlen(PART_SUFFIX);
	char whole[NAME_MAX + sizeof(SUFFIX)];

	if (name[0] != '.' || length <= suffix + 1 || strcmp(name + length - suffix, PART_SUFFIX))
		return false;
	snprintf(whole, sizeof(whole), "%.*s" SUFFIX, (int)(length - suffix - 1), name + 1);
	return parse_name(whole, ret_uid);
}

struct kept {
	char name[NAME_MAX + 1];
	maze_u64 age_ns;
	maze_u64 bytes;
	long long uid; /* -1: the owner */
	size_t turn;   /* the number of newer files of the same user */
};

static int newest_first(const void *left, const void *right)
{
	const struct kept *a = left, *b = right;

	if (a->uid != b->uid)
		return a->uid < b->uid ? -1 : 1;
	if (a->age_ns != b->age_ns)
		return a->age_ns < b->age_ns ? -1 : 1;
	return strcmp(b->name, a->name);
}

/* Returns true if name, type and owner are those of an incident. */
static bool read_status(struct incident_store *store, const char *name, struct kept *ret_kept)
{
	struct timespec now;
	struct stat status;
	long long age_ns, uid;

	if (!parse_name(name, &uid) && !parse_part(name, &uid))
		return false;
	if (fstatat(store->fd, name, &status, AT_SYMLINK_NOFOLLOW) || !S_ISREG(status.st_mode) ||
	    status.st_uid != geteuid())
		return false;
	clock_gettime(CLOCK_REALTIME, &now);
	age_ns = (long long)(now.tv_sec - status.st_mtim.tv_sec) * (long long)MAZE_NSEC_PER_SEC +
		 (now.tv_nsec - status.st_mtim.tv_nsec);
	snprintf(ret_kept->name, sizeof(ret_kept->name), "%s", name);
	/* An age is negative if the clock was set back. The file then counts as new. */
	ret_kept->age_ns = age_ns > 0 ? (maze_u64)age_ns : 0;
	ret_kept->bytes = (maze_u64)status.st_size;
	ret_kept->uid = store->limits.shared ? uid : -1;
	return true;
}

static size_t list(struct incident_store *store, struct kept **ret_files)
{
	int fd = openat(store->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	struct kept *files = NULL, *grown;
	size_t count = 0, room = 0;
	struct dirent *entry;

	if (!directory) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	while ((entry = readdir(directory))) {
		if (count == room) {
			room = room ? room * 2 : 256;
			grown = realloc(files, room * sizeof(*files));
			if (!grown)
				break;
			files = grown;
		}
		count += read_status(store, entry->d_name, &files[count]);
	}
	closedir(directory);
	*ret_files = files;
	return count;
}

/*
 * Sorts the owner's files first, then the newest file of each other user, then the second
 * newest file of each, and so on.
 */
static int by_turn(const void *left, const void *right)
{
	const struct kept *a = left, *b = right;

	if ((a->uid < 0) != (b->uid < 0))
		return a->uid < 0 ? -1 : 1;
	if (a->turn != b->turn)
		return a->turn < b->turn ? -1 : 1;
	return newest_first(left, right);
}

static void sort(struct kept *files, size_t count)
{
	size_t i;

	qsort(files, count, sizeof(*files), newest_first);
	for (i = 1; i < count; i++)
		files[i].turn = files[i].uid == files[i - 1].uid ? files[i - 1].turn + 1 : 0;
	qsort(files, count, sizeof(*files), by_turn);
}

struct share {
	size_t count_max, count;
	maze_u64 bytes_max, bytes;
	bool full;
};

static struct share owners_share(const struct incident_store_limits *limits)
{
	struct share share = { .count_max = limits->count_max, .bytes_max = limits->bytes_max };

	if (limits->shared) {
		share.count_max -= limits->count_max / 4;
		share.bytes_max -= limits->bytes_max / 4;
	}
	return share;
}

/* Returns the share that the owner's files leave to the other users. */
static struct share others_share(const struct incident_store_limits *limits,
				 const struct share *owners)
{
	struct share share = { 0 };

	if (limits->count_max > owners->count)
		share.count_max = limits->count_max - owners->count;
	if (limits->bytes_max > owners->bytes)
		share.bytes_max = limits->bytes_max - owners->bytes;
	return share;
}

bool incident_store_prune(struct incident_store *store)
{
	struct kept *files = NULL;
	struct share share = owners_share(&store->limits);
	size_t count, i, removed = 0;
	bool excess, others = false;

	if (store->fd < 0)
		return false;
	count = list(store, &files);
	if (count)
		sort(files, count);
	for (i = 0; i < count && removed < PRUNE_MAX; i++) {
		if (files[i].uid >= 0 && !others) {
			others = true;
			share = others_share(&store->limits, &share);
		}
		/* After the first file that does not fit, remove all older ones. */
		share.full |= share.count >= share.count_max ||
			      (share.count && share.bytes + files[i].bytes > share.bytes_max);
		/* A process may write its temporary file for up to a minute. */
		excess = files[i].name[0] == '.'
				 ? files[i].age_ns > PART_AGE_NS
				 : share.full || files[i].age_ns > store->limits.age_max_ns;
		if (excess && !unlinkat(store->fd, files[i].name, 0)) {
			removed++;
		} else {
			share.count++;
			share.bytes += files[i].bytes;
		}
	}
	free(files);
	return removed == PRUNE_MAX;
}
