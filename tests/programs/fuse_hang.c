/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A process that blocks every reader of its memory or its files: a FUSE server and its
 * user.
 *
 * usage: fuse_hang DIR UID memory|open, by root. A process of user UID burns CPU;
 *   memory: one of its threads maps a file, which first writes a page of that file to the
 *           server; the server never answers, and the thread holds the lock of the memory
 *           map meanwhile;
 *   open:   its executable is a file of the server, which never answers another open of
 *   it.
 * Prints "victim PID" when this is set up, and "open held" for an open. On SIGUSR1 the
 * server answers all held requests, and all later ones. Ends with 77 and a reason where
 * there is no FUSE.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/fuse.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "program.h"

#define EXIT_NO_FUSE 77
#define FILE_NODE 2
#define PAGE 4096UL
#define HELD_MAX 64

/* A jump to itself. */
#if defined(__aarch64__)
static const unsigned char loop_code[] = { 0x00, 0x00, 0x00, 0x14 };
#else
static const unsigned char loop_code[] = { 0xeb, 0xfe };
#endif

/* ---- the victim ---------------------------------------------------------------------------- */

static bool holds_memory;
static char *dirty;
static atomic_bool burns;

/*
 * The first touch of its stack takes the lock too, so it must come before the lock is
 * held.
 */
static void *burn(void *arg)
{
	(void)arg;
	burn_ms(1);
	atomic_store(&burns, true);
	for (;;)
		burn_ms(1000);
	return NULL;
}

/*
 * Two descriptors of the file: one through the page cache, one past it, whose mapping
 * begins with a write of the cached page. The lock is held for writing. A lock held for
 * reading plus a waiting writer would do too, but such a writer spins in some kernels and
 * stops RCU.
 */
static void hold_memory(const char *path)
{
	int cached = open(path, O_RDWR), direct = open(path, O_RDWR);
	pthread_t thread;

	if (cached < 0 || direct < 0)
		_exit(1);
	dirty = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, cached, 0);
	if (dirty == MAP_FAILED)
		_exit(1);
	dirty[0] = 1;
	pthread_create(&thread, NULL, burn, NULL);
	while (!atomic_load(&burns))
		sleep_ms(1);
	(void)mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, direct, 0);
	for (;;)
		pause();
}

static void run_in_file(const char *path)
{
	int fd = open(path, O_RDONLY);
	void (*code)(void) =
		(void (*)(void))mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);

	if (code == MAP_FAILED)
		_exit(1);
	code();
}

static void be_victim(const char *dir, uid_t uid)
{
	char path[512];

	if (setgroups(0, NULL) || setresgid(uid, uid, uid) || setresuid(uid, uid, uid))
		_exit(1);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(path, sizeof(path), "%s/file", dir);
	if (holds_memory)
		hold_memory(path);
	else
		run_in_file(path);
}

/* ---- the server ---------------------------------------------------------------------------- */

static volatile sig_atomic_t released;
static pid_t victim;
static bool holds_opens;
static struct held {
	uint64_t unique;
	uint32_t written; /* 0: an open */
} held[HELD_MAX];
static size_t held_count;

static void release(int signal)
{
	(void)signal;
	released = 1;
}

static void announce(void)
{
	printf("victim %d\n", victim);
	fflush(stdout);
}

static void reply(int fd, uint64_t unique, int error, const void *body, size_t size)
{
	struct fuse_out_header header = { (uint32_t)(sizeof(header) + size), error, unique };
	struct iovec parts[2] = { { &header, sizeof(header) }, { (void *)body, size } };

	/* A request that was interrupted meanwhile takes no answer. */
	if (writev(fd, parts, size ? 2 : 1) < 0 && errno != ENOENT)
		perror("fuse_hang: cannot answer");
}

static void reply_read(int fd, uint64_t unique)
{
	static unsigned char page[PAGE];
	size_t i;

	for (i = 0; i < sizeof(page); i++)
		page[i] = loop_code[i % sizeof(loop_code)];
	reply(fd, unique, 0, page, sizeof(page));
}

static void reply_open(int fd, uint64_t unique)
{
	static unsigned int opens;
	const struct fuse_open_out opened = { .fh = 1,
					      .open_flags = opens++ ? FOPEN_DIRECT_IO : 0 };

	reply(fd, unique, 0, &opened, sizeof(opened));
}

static void reply_write(int fd, uint64_t unique, uint32_t size)
{
	const struct fuse_write_out written = { .size = size };

	reply(fd, unique, 0, &written, sizeof(written));
}

static bool hold(uint64_t unique, uint32_t written)
{
	if (released || held_count == HELD_MAX)
		return false;
	held[held_count++] = (struct held){ unique, written };
	return true;
}

static void serve_open(int fd, uint64_t unique)
{
	if (!holds_opens || !hold(unique, 0)) {
		reply_open(fd, unique);
		return;
	}
	puts("open held");
	fflush(stdout);
}

static void serve_write(int fd, uint64_t unique, uint32_t size)
{
	if (!holds_memory || !hold(unique, size)) {
		reply_write(fd, unique, size);
		return;
	}
	announce();
}

static void serve_read(int fd, uint64_t unique)
{
	reply_read(fd, unique);
	if (holds_memory || holds_opens)
		return;
	holds_opens = true;
	announce();
}

static void let_go(int fd)
{
	while (held_count) {
		held_count--;
		if (held[held_count].written)
			reply_write(fd, held[held_count].unique, held[held_count].written);
		else
			reply_open(fd, held[held_count].unique);
	}
}

static struct fuse_attr attributes_of(uint64_t node)
{
	return (struct fuse_attr){
		.ino = node,
		.size = node == FILE_NODE ? PAGE : 0,
		.mode = node == FILE_NODE ? S_IFREG | 0666 : S_IFDIR | 0555,
		.nlink = 1,
		.blksize = PAGE,
	};
}

static void serve_one(int fd, const struct fuse_in_header *request)
{
	const struct fuse_init_out init = { .major = FUSE_KERNEL_VERSION,
					    .minor = 31,
					    .max_write = PAGE };
	struct fuse_entry_out entry = { .nodeid = FILE_NODE, .entry_valid = 1000 };
	struct fuse_attr_out attributes = { .attr_valid = 1000 };

	switch (request->opcode) {
	case FUSE_INIT:
		reply(fd, request->unique, 0, &init, sizeof(init));
		return;
	case FUSE_LOOKUP:
		entry.attr_valid = 1000;
		entry.attr = attributes_of(FILE_NODE);
		reply(fd, request->unique, 0, &entry, sizeof(entry));
		return;
	case FUSE_GETATTR:
		attributes.attr = attributes_of(request->nodeid);
		reply(fd, request->unique, 0, &attributes, sizeof(attributes));
		return;
	case FUSE_OPEN:
		serve_open(fd, request->unique);
		return;
	case FUSE_READ:
		serve_read(fd, request->unique);
		return;
	case FUSE_WRITE:
		serve_write(fd, request->unique,
			    ((const struct fuse_write_in *)(request + 1))->size);
		return;
	case FUSE_FLUSH:
	case FUSE_RELEASE:
		reply(fd, request->unique, 0, NULL, 0);
		return;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		return;
	default:
		reply(fd, request->unique, -ENOSYS, NULL, 0);
	}
}

static void serve(int fd)
{
	static union {
		struct fuse_in_header header;
		char bytes[FUSE_MIN_READ_BUFFER + PAGE];
	} request;
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	sigset_t blocked, none;
	ssize_t got;

	/* The signal is taken during the wait only, so that none comes right before it. */
	sigemptyset(&none);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	for (;;) {
		if (released)
			let_go(fd);
		if (ppoll(&wait, 1, NULL, &none) < 0)
			continue;
		got = read(fd, &request, sizeof(request));
		if (got >= (ssize_t)sizeof(request.header))
			serve_one(fd, &request.header);
		else if (got < 0 && errno != EAGAIN && errno != EINTR && errno != ENOENT)
			return;
	}
}

static int mount_at(const char *dir, int fd)
{
	char options[128];

	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other",
		 fd);
	return mount("fuse_hang", dir, "fuse", MS_NOSUID | MS_NODEV, options);
}

int main(int argc, char **argv)
{
	const struct sigaction on_release = { .sa_handler = release };
	int fd;

	begin(argc, argv);
	if (argc != 4) {
		fputs("usage: fuse_hang DIR UID memory|open\n", stderr);
		return 2;
	}
	holds_memory = !strcmp(argv[3], "memory");
	sigaction(SIGUSR1, &on_release, NULL);
	fd = open("/dev/fuse", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || mount_at(argv[1], fd)) {
		printf("no FUSE: %s\n", strerror(errno));
		return EXIT_NO_FUSE;
	}
	victim = fork();
	if (!victim) {
		close(fd);
		be_victim(argv[1], (uid_t)strtoul(argv[2], NULL, 10));
	}
	serve(fd);
	return 0;
}
