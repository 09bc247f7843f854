/* SPDX-License-Identifier: GPL-2.0-only */
#include "why.h"

#include <string.h>

#include "descriptors.h"
#include "shown.h"

/* A loop that does nothing else makes more calls than this in a second of its CPU time. */
#define RATE_MIN 5000.0
/*
 * A call that takes longer may have slept. The timer slack of 50 us makes any timeout of a
 * thread without a real-time policy longer than that.
 */
#define AT_ONCE_NS 100000.0
/* More calls in a second of CPU time are not long ones. */
#define LONG_RATE_MAX 1000.0
/* A slice with less CPU time is ignored. */
#define CPU_MIN_NS 1000000
/* A call is absent if there may be one for this many of the pattern's calls at most. */
#define ABSENT 10
/* Fewer long calls than this may have been preempted instead. */
#define SLEEPS_MIN 10

struct finding {
	const struct pattern *pattern;
	const struct incident *incident;
	const struct incident_slice *slice;
	const struct incident_call *call;
	long long fd;	   /* which the sentence is about; INCIDENT_UNKNOWN: none */
	const char *state; /* of fd */
};

enum result { ZERO, POSITIVE, ERROR };

struct pattern {
	const char *const *calls; /* NULL: the condition looks at the slice */
	enum result result;
	const char *error;
	int share; /* per cent of the calls, at least */
	bool (*holds)(struct finding *finding);
	/* %c: the call; %r: its rate; %d: fd; %s: its state; %t: CPU time of the slice. */
	const char *text;
};

/* ---- calls ------------------------------------------------------------------------- */

#define CALLS(name, ...) static const char *const name[] = { __VA_ARGS__, NULL }

CALLS(epolls, "epoll_wait", "epoll_pwait", "epoll_pwait2");
CALLS(waits, "epoll_wait", "epoll_pwait", "epoll_pwait2", "poll", "ppoll", "ppoll_time64", "select",
      "_newselect", "pselect6", "pselect6_time64");
CALLS(reads, "read", "readv", "pread64", "preadv", "preadv2", "recv", "recvfrom", "recvmsg",
      "recvmmsg", "recvmmsg_time64");
CALLS(writes, "write", "writev", "pwrite64", "pwritev", "pwritev2", "send", "sendto", "sendmsg",
      "sendmmsg", "sendfile", "sendfile64");
CALLS(accepts, "accept", "accept4");
/* These move data, too. */
CALLS(moves, "io_uring_enter", "splice", "tee", "copy_file_range");
CALLS(timers, "timerfd_settime", "timerfd_settime64");
CALLS(closes, "close", "shutdown");
CALLS(connects, "connect");
CALLS(child_waits, "wait4", "waitid", "waitpid");
CALLS(forks, "clone", "clone3", "fork", "vfork");
CALLS(futexes, "futex", "futex_time64", "futex_wait");
CALLS(lookups, "open", "openat", "openat2", "stat", "stat64", "lstat", "lstat64", "newfstatat",
      "fstatat64", "statx", "access", "faccessat", "faccessat2");

static bool is_one_of(const char *name, const char *const *calls)
{
	for (; name && *calls; calls++)
		if (!strcmp(name, *calls))
			return true;
	return false;
}

static bool has_result(const struct incident_call *call, enum result result, const char *error)
{
	if (result == ERROR)
		return call->error && (!error || !strcmp(call->error, error));
	return !call->error && call->positive == (result == POSITIVE);
}

enum counted { ANY, NO_ERROR, ONLY_POSITIVE };

/* The calls on fd (INCIDENT_UNKNOWN: on any). */
static double count_on(const struct finding *finding, const char *const *calls, long long fd,
		       enum counted counted)
{
	const struct incident_call *call;
	double count = 0;
	size_t i;

	for (i = 0; i < finding->slice->rows_count; i++) {
		call = &finding->slice->rows[i];
		if (is_one_of(call->name, calls) && (counted == ANY || !call->error) &&
		    (counted != ONLY_POSITIVE || call->positive) &&
		    (fd == INCIDENT_UNKNOWN || (call->has_fd && call->fd == fd)))
			count += (double)call->calls;
	}
	return count;
}

static bool is_absent(const struct finding *finding, const char *const *calls, long long fd)
{
	return count_on(finding, calls, fd, NO_ERROR) * ABSENT <= (double)finding->call->calls;
}

static double rate(const struct incident_slice *slice, long long calls)
{
	return slice->cpu_ns > 0 ? (double)calls * 1e9 / (double)slice->cpu_ns : 0;
}

/* A loop that sleeps is slower than its rate in CPU time, and may do its work. */
static bool slept(const struct incident_slice *slice)
{
	const struct incident_call *call;
	double slept_ns = 0;

	for (call = slice->rows; call < slice->rows + slice->rows_count; call++)
		if (call->calls >= SLEEPS_MIN &&
		    (double)call->time_ns > (double)call->calls * AT_ONCE_NS)
			slept_ns += (double)call->time_ns;
	return slept_ns > (double)slice->cpu_ns;
}

static bool is_frequent(const struct incident_slice *slice, const struct incident_call *call,
			int share)
{
	double calls = (double)call->calls;

	return !slept(slice) && rate(slice, call->calls) >= RATE_MIN &&
	       calls * 100 >= (double)slice->calls * share &&
	       (double)call->time_ns <= calls * AT_ONCE_NS &&
	       (double)slice->rest_calls * ABSENT <= calls;
}

/* ---- conditions -------------------------------------------------------------------- */

/* The descriptor that the sentence is about, or NULL. */
static const struct incident_descriptor *descriptor_of(const struct finding *finding)
{
	return descriptor_find(finding->incident, finding->fd);
}

static bool is_kind(const struct incident_descriptor *descriptor, const char *kind)
{
	return !strcmp(descriptor->kind, kind);
}

static bool is_state(const struct incident_descriptor *descriptor, const char *state)
{
	return descriptor->state && !strcmp(descriptor->state, state);
}

static bool is_tcp(const struct incident_descriptor *descriptor)
{
	return descriptor->protocol && !strncmp(descriptor->protocol, "TCP", 3);
}

static bool is_stream(const struct incident_descriptor *descriptor)
{
	return is_tcp(descriptor) ||
	       (descriptor->protocol && !strcmp(descriptor->protocol, "UNIX-STREAM"));
}

static bool watches(const struct incident_watch *watch, const char *event)
{
	return strstr(watch->events, event) != NULL;
}

/*
 * Why epoll reports a descriptor, if it does. It reports a hang-up of any descriptor that it
 * watches.
 */
static const char *ready_state(const struct incident_watch *watch,
			       const struct incident_descriptor *descriptor)
{
	bool in = watches(watch, "EPOLLIN");

	if (descriptor->other_gone ||
	    (is_state(descriptor, "CLOSE_WAIT") && (in || watches(watch, "EPOLLRDHUP"))))
		return "is closed at its other end, and the thread does not close it";
	if (is_tcp(descriptor) && is_state(descriptor, "CLOSE"))
		return "is not connected, and the thread does not close it";
	if (!in)
		return NULL;
	if (is_kind(descriptor, "timerfd") && descriptor->ticks > 0)
		return "has expired, and the thread does not read it";
	if (is_kind(descriptor, "eventfd") && descriptor->count > 0)
		return "has a count above 0, and the thread does not read it";
	if (is_kind(descriptor, "signalfd") && descriptor->pending)
		return "has a signal, and the thread does not read it";
	if (descriptor->unread > 0 && is_state(descriptor, "LISTEN"))
		return "has a connection, and the thread does not accept it";
	if (descriptor->unread > 0)
		return "has data, and the thread does not read it";
	return NULL;
}

/* A loop that serves its descriptors has at least one such call for each event. */
static bool nothing_was_done(struct finding *finding)
{
	return is_absent(finding, reads, INCIDENT_UNKNOWN) &&
	       is_absent(finding, writes, INCIDENT_UNKNOWN) &&
	       is_absent(finding, accepts, INCIDENT_UNKNOWN) &&
	       is_absent(finding, moves, INCIDENT_UNKNOWN);
}

/* A thread that fails to read, as another one was faster, does not leave it so. */
static bool is_left(const struct finding *finding, long long fd)
{
	return !count_on(finding, reads, fd, ANY) && !count_on(finding, accepts, fd, ANY) &&
	       !count_on(finding, timers, fd, ANY) && !count_on(finding, closes, fd, ANY);
}

/* Finds a watched descriptor that is ready each time, because the thread leaves it so. */
static bool watched_is_ready(struct finding *finding)
{
	const struct incident_descriptor *epoll = descriptor_of(finding);
	const struct incident_descriptor *watched;
	const struct incident_watch *watch;
	size_t i;

	for (i = 0; epoll && nothing_was_done(finding) && i < epoll->watches_count; i++) {
		watch = &epoll->watches[i];
		watched = descriptor_find(finding->incident, watch->fd);
		if (!watched || !watch->events || watch->stale || watches(watch, "EPOLLET") ||
		    watches(watch, "EPOLLONESHOT"))
			continue;
		finding->state = ready_state(watch, watched);
		if (finding->state && is_left(finding, watch->fd)) {
			finding->fd = watch->fd;
			return true;
		}
	}
	return false;
}

/* accept(2) fails for want of a descriptor even if no connection waits. */
static bool connection_waits(struct finding *finding)
{
	const struct incident_descriptor *descriptor = descriptor_of(finding);

	return !descriptor || descriptor->unread != 0;
}

/* Otherwise the number may belong to another file each time. */
static bool stays_open(const struct finding *finding)
{
	return is_absent(finding, closes, finding->fd);
}

/*
 * EAGAIN of a file is that of RWF_NOWAIT. If a wait has returned, the thread waits, and
 * another one was faster.
 */
static bool may_come_later(const struct finding *finding)
{
	const struct incident_descriptor *descriptor = descriptor_of(finding);

	return (descriptor && is_kind(descriptor, "file")) ||
	       count_on(finding, waits, INCIDENT_UNKNOWN, ONLY_POSITIVE) * ABSENT >
		       (double)finding->call->calls;
}

static bool nothing_was_read(struct finding *finding)
{
	return nothing_was_done(finding) && stays_open(finding) && !may_come_later(finding);
}

static bool is_terminal(const struct incident_descriptor *descriptor)
{
	return is_kind(descriptor, "device") && descriptor->target &&
	       (!strncmp(descriptor->target, "/dev/tty", strlen("/dev/tty")) ||
		!strncmp(descriptor->target, "/dev/pts/", strlen("/dev/pts/")));
}

/*
 * Whether a read can return 0 for another reason than the end. A read of 0 bytes does so
 * anywhere, and a datagram can be empty.
 */
static bool may_not_be_at_end(const struct incident_descriptor *descriptor, const char *call)
{
	if (is_kind(descriptor, "closed"))
		return true;
	if (is_kind(descriptor, "socket") && !is_stream(descriptor))
		return true;
	if (is_kind(descriptor, "file") && strncmp(call, "pread", strlen("pread")) != 0)
		return descriptor->position < descriptor->size;
	return descriptor->other_pid > 0 || is_state(descriptor, "ESTABLISHED");
}

static bool nothing_is_left(const struct finding *finding)
{
	return stays_open(finding) && !count_on(finding, reads, finding->fd, ONLY_POSITIVE);
}

static bool is_end_of_file(struct finding *finding)
{
	const struct incident_descriptor *descriptor = descriptor_of(finding);

	return descriptor && !is_terminal(descriptor) &&
	       !may_not_be_at_end(descriptor, finding->call->name) && nothing_is_left(finding);
}

/* In a mode of termios(3) a read of a terminal returns 0 if there is nothing to read. */
static bool is_end_of_terminal(struct finding *finding)
{
	const struct incident_descriptor *descriptor = descriptor_of(finding);

	return descriptor && is_terminal(descriptor) && nothing_is_left(finding);
}

static bool nothing_was_written(struct finding *finding)
{
	return is_absent(finding, writes, finding->fd) && stays_open(finding);
}

static bool is_full(struct finding *finding)
{
	return nothing_was_written(finding) && !may_come_later(finding);
}

/* write(2) also fails with EPIPE if this end is shut down, or was never connected. */
static bool other_end_is_closed(struct finding *finding)
{
	const struct incident_descriptor *descriptor = descriptor_of(finding);

	return descriptor && nothing_was_written(finding) &&
	       (descriptor->other_gone || is_kind(descriptor, "pipe") ||
		is_kind(descriptor, "fifo"));
}

static bool nothing_was_found(struct finding *finding)
{
	return !count_on(finding, lookups, INCIDENT_UNKNOWN, NO_ERROR);
}

static bool did_not_wait(struct finding *finding)
{
	return is_absent(finding, futexes, INCIDENT_UNKNOWN);
}

/* waitid(2) returns 0 for a child that has ended too. */
static bool no_child_began(struct finding *finding)
{
	return is_absent(finding, forks, INCIDENT_UNKNOWN);
}

static bool in_user_code(struct finding *finding)
{
	return !finding->slice->calls && !finding->slice->is_inside;
}

/* A thread that slept in the call would have used less CPU time. */
static bool in_one_call(struct finding *finding)
{
	const struct incident_slice *slice = finding->slice;
	double time_ns = (double)finding->call->time_ns, wall_ns = (double)slice->wall_ns;
	size_t i;

	if (!slice->is_inside || !finding->call->name || rate(slice, slice->calls) > LONG_RATE_MAX)
		return false;
	for (i = 0; i < slice->rows_count; i++)
		if (slice->rows[i].name && !strcmp(slice->rows[i].name, finding->call->name))
			time_ns += (double)slice->rows[i].time_ns;
	return time_ns >= wall_ns * 0.9 && (double)slice->cpu_ns * 2 >= wall_ns;
}

static bool in_virtual_machine(struct finding *finding)
{
	const struct incident_descriptor *descriptor = descriptor_of(finding);

	return in_one_call(finding) && descriptor && is_kind(descriptor, "anon") &&
	       descriptor->target && strstr(descriptor->target, "kvm-vcpu");
}

/* An ioctl(2) of an unknown descriptor may run a virtual machine. */
static bool in_kernel(struct finding *finding)
{
	return in_one_call(finding) &&
	       (strcmp(finding->call->name, "ioctl") != 0 || descriptor_of(finding));
}

/* ---- patterns ---------------------------------------------------------------------- */

/* The first one that holds counts. */
static const struct pattern patterns[] = {
	{ accepts, ERROR, "EMFILE", 20, connection_waits,
	  "%c failed with EMFILE %r times a second: the process has no free descriptor for "
	  "the connection that waits at %d." },
	{ accepts, ERROR, "ENFILE", 20, connection_waits,
	  "%c failed with ENFILE %r times a second: the machine has no free file for the "
	  "connection that waits at %d." },
	{ epolls, POSITIVE, NULL, 20, watched_is_ready,
	  "%c returned at once %r times a second: %d %s." },
	{ reads, ZERO, NULL, 20, is_end_of_file,
	  "%c returned 0, the end of file, %r times a second on %d, and the thread goes on "
	  "reading." },
	{ reads, ZERO, NULL, 20, is_end_of_terminal,
	  "%c returned 0 %r times a second on %d: the terminal has hung up, or has nothing to "
	  "read, and the thread goes on reading." },
	{ reads, ERROR, "EAGAIN", 33, nothing_was_read,
	  "%c failed with EAGAIN %r times a second on %d: nothing was there to read, and the "
	  "thread does not wait for it." },
	{ writes, ERROR, "EAGAIN", 33, is_full,
	  "%c failed with EAGAIN %r times a second on %d: it is full, and the thread does not "
	  "wait for room." },
	{ writes, ERROR, "EPIPE", 20, other_end_is_closed,
	  "%c failed with EPIPE %r times a second on %d: the other end is closed, and the "
	  "thread goes on writing." },
	{ writes, ERROR, "EPIPE", 20, nothing_was_written,
	  "%c failed with EPIPE %r times a second on %d: it is closed for writing, and the "
	  "thread goes on writing." },
	{ waits, ZERO, NULL, 30, nothing_was_done,
	  "%c returned 0 at once %r times a second: its timeout is 0 or very short, and nothing "
	  "was ready." },
	{ child_waits, ZERO, NULL, 30, no_child_began,
	  "%c returned 0 at once %r times a second: no child had ended, and the thread does "
	  "not wait for one." },
	{ child_waits, ERROR, "ECHILD", 30, no_child_began,
	  "%c failed with ECHILD %r times a second: the process has no such child." },
	{ futexes, ERROR, "EAGAIN", 50, did_not_wait,
	  "%c failed with EAGAIN %r times a second: each time the value had changed before "
	  "the thread could wait." },
	{ lookups, ERROR, "ENOENT", 30, nothing_was_found,
	  "%c failed with ENOENT %r times a second: the thread looks for files that do not "
	  "exist." },
	{ connects, ERROR, "ECONNREFUSED", 20, NULL,
	  "%c failed with ECONNREFUSED %r times a second: nothing listens there, and the "
	  "thread does not pause between its tries." },
	{ waits, POSITIVE, NULL, 90, NULL,
	  "%c returned at once %r times a second, and the thread made hardly any other call." },
	{ NULL, ZERO, NULL, 0, in_user_code,
	  "The thread made no system call in %t of CPU time: it loops in user code." },
	{ NULL, ZERO, NULL, 0, in_virtual_machine,
	  "The thread was in %c on %d for nearly all of %t of CPU time: it runs a virtual "
	  "machine, and the loop is in there." },
	{ NULL, ZERO, NULL, 0, in_kernel,
	  "The thread was in %c for nearly all of %t of CPU time: the loop is in the kernel." },
};

static bool matches(const struct pattern *pattern, struct finding *finding)
{
	const struct incident_call *call = finding->call;

	if (!pattern->calls)
		return pattern->holds(finding);
	return is_one_of(call->name, pattern->calls) &&
	       has_result(call, pattern->result, pattern->error) &&
	       is_frequent(finding->slice, call, pattern->share) &&
	       (!pattern->holds || pattern->holds(finding));
}

static bool find(const struct incident *incident, const struct incident_slice *slice,
		 struct finding *ret_finding)
{
	const struct pattern *pattern, *end = patterns + sizeof(patterns) / sizeof(patterns[0]);
	size_t i;

	for (pattern = patterns; pattern < end; pattern++) {
		for (i = 0; i < (pattern->calls ? slice->rows_count : 1); i++) {
			*ret_finding = (struct finding){
				.pattern = pattern,
				.incident = incident,
				.slice = slice,
				.call = pattern->calls ? &slice->rows[i] : &slice->inside,
			};
			ret_finding->fd = ret_finding->call->has_fd ? ret_finding->call->fd
								    : INCIDENT_UNKNOWN;
			if (matches(pattern, ret_finding))
				return true;
		}
	}
	return false;
}

/* ---- the sentence ------------------------------------------------------------------ */

/* Writes two digits and thousands: 95873.0 as "96,000". */
static void put_rate(struct summary *summary, double per_second)
{
	unsigned long long unit = 1, rounded;
	char digits[32], text[48];
	size_t length, i, n = 0;

	/* A damaged file can have any number. */
	if (per_second > 1e12)
		per_second = 1e12;
	while (per_second / (double)unit >= 100)
		unit *= 10;
	rounded = (unsigned long long)(per_second / (double)unit + 0.5) * unit;
	length = (size_t)snprintf(digits, sizeof(digits), "%llu", rounded);
	for (i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			text[n++] = ',';
		text[n++] = digits[i];
	}
	text[n] = '\0';
	summary_plain(summary, "%s", text);
}

static void put_descriptor(struct summary *summary, const struct finding *finding)
{
	const struct incident_descriptor *descriptor = descriptor_of(finding);

	summary_plain(summary, "fd %lld", finding->fd);
	if (!descriptor || is_kind(descriptor, "closed"))
		return;
	summary_plain(summary, " (");
	descriptor_name(summary, descriptor);
	summary_plain(summary, ")");
}

static void put_part(struct summary *summary, const struct finding *finding, char part)
{
	char buf[SHOWN_LEN];

	switch (part) {
	case 'c':
		summary_name(summary, finding->call->name);
		return;
	case 'r':
		put_rate(summary, rate(finding->slice, finding->call->calls));
		return;
	case 'd':
		put_descriptor(summary, finding);
		return;
	case 's':
		summary_plain(summary, "%s", finding->state);
		return;
	case 't':
		summary_plain(summary, "%s", shown_duration(finding->slice->cpu_ns, buf));
		return;
	}
}

static bool uses_descriptor(const struct pattern *pattern)
{
	return strstr(pattern->text, "%d") != NULL;
}

/* All slices must show the same, because one sentence stands for the whole loop. */
static bool find_common(const struct incident *incident, struct finding *ret_finding)
{
	struct finding other;
	bool found = false;
	size_t i;

	for (i = 0; i < incident->slices_count; i++) {
		if (incident->slices[i].cpu_ns < CPU_MIN_NS)
			continue;
		if (!find(incident, &incident->slices[i], &other))
			return false;
		if (found && (other.pattern != ret_finding->pattern ||
			      (uses_descriptor(other.pattern) && other.fd != ret_finding->fd)))
			return false;
		if (!found)
			*ret_finding = other;
		found = true;
	}
	return found;
}

bool why_sentence(struct summary *summary, const struct incident *incident)
{
	struct finding finding = { 0 };
	const char *at;
	size_t length;

	if (!find_common(incident, &finding))
		return false;
	for (at = finding.pattern->text; *at; at += length) {
		length = strcspn(at, "%");
		if (length)
			summary_plain(summary, "%.*s", (int)length, at);
		if (!at[length])
			break;
		put_part(summary, &finding, at[length + 1]);
		length += 2;
	}
	summary_plain(summary, " ");
	return true;
}
