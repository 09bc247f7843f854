/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The pinned engine. It is loaded once, and then opened by name under /sys/fs/bpf/maze.
 *
 * Always: if the directory /sys/fs/bpf/maze exists, it is complete, because a rename
 * creates it. A load that was killed leaves at most the directory maze-loading, which the
 * next open or unload removes. The lock is a flock(2) on the bpffs directory, which the
 * kernel drops when its holder ends.
 */
#include "engine_bpf.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "maze.skel.h"

#define BPFFS "/sys/fs/bpf"
#define PIN_DIR BPFFS "/maze"
/* bpffs reserves names with dots, so this name has none. */
#define LOADING_DIR BPFFS "/maze-loading"

static const char *const pin_names[] = {
	[OBJECT_META] = "meta",
	[OBJECT_TASKS] = "tasks",
	[OBJECT_TICKETS] = "tickets",
	[OBJECT_CPUS] = "cpus",
	[OBJECT_TIMERS] = "timers",
	[OBJECT_CLOCKS] = "clocks",
	[OBJECT_VERDICT_LOG] = "verdict_log",
	[OBJECT_LIFECYCLE_LOG] = "lifecycle_log",
	[OBJECT_STACK_LOG] = "stack_log",
	[OBJECT_PROCESS_INFO_LOG] = "process_info_log",
	[OBJECT_RUN_LOG] = "run_log",
	[OBJECT_WAKEUPS] = "wakeups",
	[OBJECT_REQUEST] = "request",
	[OBJECT_ALLOWANCES] = "allowances",
	[OBJECT_STREAK_CLASSES] = "streak_classes",
	[OBJECT_STATE] = "state",
	[OBJECT_CONFIG] = "config",
	[OBJECT_PROG_CONTROL] = "control",
	[OBJECT_PROG_LIST] = "list",
	[OBJECT_PROG_STREAKS] = "streaks",
	[OBJECT_PROG_SCHED_EXIT] = "yield_sched_exit",
	[OBJECT_PROG_SYS_ENTER] = "yield_sys_enter",
};
_Static_assert(sizeof(pin_names) / sizeof(pin_names[0]) == OBJECT_COUNT, "a name for each object");

static bool is_bpffs(const char *path)
{
	struct statfs fs;

	return !statfs(path, &fs) && (unsigned long)fs.f_type == BPF_FS_MAGIC;
}

/*
 * systemd mounts bpffs at boot. If bpffs is not mounted, maze mounts it, as bpftool does.
 */
static int ensure_bpffs(struct maze_error *error)
{
	if (is_bpffs(BPFFS))
		return 0;
	if (!mount("bpf", BPFFS, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700"))
		return 0;
	return maze_fail(error, -errno,
			 "cannot mount the BPF file system at " BPFFS ": %s; "
			 "as root: mount -t bpf bpf " BPFFS,
			 strerror(errno));
}

bool bpf_pins_present(void)
{
	return !access(PIN_DIR "/meta", F_OK);
}

static unsigned long meta_inode(void)
{
	struct stat st;

	return stat(PIN_DIR "/meta", &st) ? 0 : st.st_ino;
}

int bpf_pins_gone_fd(struct engine *engine)
{
	if (engine->scope == ENGINE_PRIVATE)
		return -1;
	if (engine->gone_fd >= 0)
		return engine->gone_fd;
	engine->gone_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (engine->gone_fd < 0)
		return -1;
	/*
	 * Watch the parent, because an open descriptor keeps the directory itself alive.
	 */
	inotify_add_watch(engine->gone_fd, BPFFS, IN_DELETE | IN_MOVED_FROM | IN_ONLYDIR);
	return engine->gone_fd;
}

bool bpf_pins_gone(struct engine *engine)
{
	char events[4096];

	while (engine->gone_fd >= 0 && read(engine->gone_fd, events, sizeof(events)) > 0)
		;
	return engine->scope != ENGINE_PRIVATE && meta_inode() != engine->meta_inode;
}

static int lock_pins(struct maze_error *error)
{
	int fd = open(BPFFS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return maze_fail(error, -errno, "cannot open " BPFFS ": %s", strerror(errno));
	while (flock(fd, LOCK_EX)) {
		if (errno == EINTR)
			continue;
		close(fd);
		return maze_fail(error, -errno, "cannot lock " BPFFS ": %s", strerror(errno));
	}
	return fd;
}

int bpf_lock(struct engine *engine, int *ret_lock, struct maze_error *error)
{
	int lock = engine->scope == ENGINE_PRIVATE ? -1 : lock_pins(error);

	if (lock < 0 && engine->scope != ENGINE_PRIVATE)
		return lock;
	*ret_lock = lock;
	return 0;
}

void bpf_unlock(int lock)
{
	if (lock >= 0)
		close(lock);
}

static int lock_now(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), err;

	if (fd < 0)
		return -errno;
	if (!flock(fd, LOCK_EX | LOCK_NB))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

int bpf_pins_lock_probe(void)
{
	return lock_now(PIN_DIR);
}

int bpf_pins_lock_service(void)
{
	return lock_now(PIN_DIR "/service");
}

/* Removes the links first, so that no program runs without its maps. */
static int remove_pins(const char *path)
{
	static const char *const passes[] = { "link_", "" };
	struct dirent *entry;
	unsigned int pass;
	char child[512];
	DIR *dir;

	for (pass = 0; pass < 2; pass++) {
		dir = opendir(path);
		if (!dir)
			return errno == ENOENT ? 0 : -errno;
		while ((entry = readdir(dir))) {
			if (entry->d_name[0] == '.' ||
			    strncmp(entry->d_name, passes[pass], strlen(passes[pass])))
				continue;
			snprintf(child, sizeof(child), "%s/%s", path, entry->d_name);
			if (unlink(child) && (errno == EISDIR || errno == EPERM))
				rmdir(child);
		}
		closedir(dir);
	}
	return rmdir(path) ? -errno : 0;
}

static int pin_link(struct bpf_link *link, const char *name)
{
	char path[256];

	if (!link)
		return 0;
	snprintf(path, sizeof(path), LOADING_DIR "/%s", name);
	return bpf_link__pin(link, path);
}

static int pin_all(struct engine *engine)
{
	struct maze_bpf *skeleton = engine->skeleton;
	char path[256];
	unsigned int i;
	int err;

	for (i = 0; i < OBJECT_COUNT; i++) {
		if (engine->fds[i] < 0)
			continue;
		snprintf(path, sizeof(path), LOADING_DIR "/%s", pin_names[i]);
		if (bpf_obj_pin(engine->fds[i], path))
			return -errno;
	}
	skeleton->links.handle__entries =
		bpf_program__attach_iter(skeleton->progs.handle__entries, NULL);
	if (!skeleton->links.handle__entries)
		return -errno;
	err = pin_link(skeleton->links.handle__entries, "entries");
	err = err ? err : pin_link(skeleton->links.handle__sched_process_exit, "link_exit");
	err = err ? err : pin_link(skeleton->links.handle__sched_process_fork, "link_fork");
	err = err ? err : pin_link(skeleton->links.handle__sched_wakeup_new, "link_wakeup");
	err = err ? err : pin_link(skeleton->links.handle__yield_fair, "link_yield_fair");
	err = err ? err : pin_link(skeleton->links.handle__yield_rt, "link_yield_rt");
	err = err ? err : pin_link(skeleton->links.handle__yield_dl, "link_yield_dl");
	err = err ? err : pin_link(skeleton->links.handle__yield_scx, "link_yield_scx");
	err = err ? err : pin_link(skeleton->links.handle__sched_switch, "link_switch");
	return err;
}

static int publish(struct engine *engine, struct maze_error *error)
{
	int err;

	if (mkdir(LOADING_DIR, 0700))
		return maze_fail(error, -errno, "cannot create " LOADING_DIR ": %s",
				 strerror(errno));
	err = mkdir(LOADING_DIR "/service", 0700) ? -errno : pin_all(engine);
	if (!err && rename(LOADING_DIR, PIN_DIR))
		err = -errno;
	if (!err)
		return 0;
	remove_pins(LOADING_DIR);
	return maze_fail(error, err, "cannot pin the engine at " PIN_DIR ": %s", strerror(-err));
}

static int check_meta(int fd, struct maze_error *error)
{
	struct bpf_map_info info = { 0 };
	struct maze_meta meta = { 0 };
	__u32 length = sizeof(info);
	maze_u32 zero = 0;

	if (bpf_obj_get_info_by_fd(fd, &info, &length) || info.value_size != sizeof(meta) ||
	    bpf_map_lookup_elem(fd, &zero, &meta) || meta.magic != MAZE_BPF_MAGIC)
		return maze_fail(error, -EEXIST,
				 PIN_DIR " is not an engine of maze; inspect it, then remove it "
					 "with: maze unload");
	if (meta.abi != MAZE_BPF_ABI)
		return maze_fail(error, -EPROTO,
				 "the engine pinned at " PIN_DIR " has ABI version %u and this "
				 "maze has %u; run `maze unload` (which ends all its watches) and "
				 "try again, or use the maze that loaded it",
				 meta.abi, MAZE_BPF_ABI);
	return 0;
}

/* The directory may contain programs that another user has pinned. */
static int check_owner(struct maze_error *error)
{
	struct stat st;

	if (stat(PIN_DIR, &st))
		return maze_fail(error, -errno, "cannot read " PIN_DIR ": %s", strerror(errno));
	if ((st.st_uid && st.st_uid != geteuid()) || (st.st_mode & (S_IWGRP | S_IWOTH)))
		return maze_fail(error, -EPERM,
				 PIN_DIR
				 " is writable by other users (uid %d, mode %o), so maze does "
				 "not trust it; remove it, as root, with: maze unload",
				 (int)st.st_uid, (unsigned int)st.st_mode & 07777);
	return 0;
}

static int open_existing(struct engine *engine, struct maze_error *error)
{
	char path[256];
	unsigned int i;
	int err;

	err = check_owner(error);
	if (err)
		return err;

	for (i = 0; i < OBJECT_COUNT; i++) {
		snprintf(path, sizeof(path), PIN_DIR "/%s", pin_names[i]);
		engine->fds[i] = bpf_obj_get(path);
		if (engine->fds[i] < 0 && i != OBJECT_PROG_SCHED_EXIT && i != OBJECT_PROG_SYS_ENTER)
			return maze_fail(error, -errno, "cannot open %s: %s%s", path,
					 strerror(errno),
					 errno == EPERM || errno == EACCES
						 ? "; run maze as root"
						 : "; `maze unload` removes a damaged engine");
		/* The version, the first object, decides whether to open the others. */
		if (i == OBJECT_META) {
			err = check_meta(engine->fds[OBJECT_META], error);
			if (err)
				return err;
		}
	}
	return bpf_map_state(engine, error);
}

static int fail_missing(struct maze_error *error)
{
	if (errno == EACCES || errno == EPERM)
		return maze_fail(error, -EACCES, "cannot read " PIN_DIR ": %s; run maze as root",
				 strerror(errno));
	return maze_fail(error, -ENOENT,
			 "no engine is loaded, so nothing is watched (maze watch loads it)");
}

int bpf_pins_open(struct engine *engine, bool load, struct maze_error *error)
{
	int lock, err;

	if (!load && !bpf_pins_present())
		return fail_missing(error);
	if (load) {
		err = ensure_bpffs(error);
		if (err)
			return err;
	}
	lock = lock_pins(error);
	if (lock < 0)
		return lock;
	remove_pins(LOADING_DIR);
	if (bpf_pins_present()) {
		err = open_existing(engine, error);
	} else if (!load) {
		err = fail_missing(error); /* it was unloaded before the lock was taken */
	} else {
		err = bpf_load(engine, error);
		if (!err)
			err = publish(engine, error);
	}
	engine->meta_inode = meta_inode();
	close(lock);
	return err;
}

int bpf_pins_unload(bool *ret_was_loaded, struct maze_error *error)
{
	int lock, err;
	bool loaded;

	if (!is_bpffs(BPFFS)) {
		*ret_was_loaded = false;
		return 0;
	}
	if (access(BPFFS, R_OK | W_OK | X_OK))
		return maze_fail(error, -EPERM, "cannot change " BPFFS ": %s; run maze as root",
				 strerror(errno));
	lock = lock_pins(error);
	if (lock < 0)
		return lock;
	loaded = !access(PIN_DIR, F_OK) || !access(LOADING_DIR, F_OK);
	err = remove_pins(LOADING_DIR);
	if (!err)
		err = remove_pins(PIN_DIR);
	close(lock);
	if (err)
		return maze_fail(error, err, "cannot remove " PIN_DIR ": %s", strerror(-err));
	*ret_was_loaded = loaded;
	return 0;
}
