/* SPDX-License-Identifier: GPL-2.0-only */
#include "sampler_notes.h"

#include <errno.h>

#define NOT_TAKEN "No sample was taken: "

const char sampler_note_user[] =
	"Samples were taken in user code only, because this user may not sample the kernel "
	"(CAP_PERFMON, or kernel.perf_event_paranoid of at most 1)";

const char *sampler_note_refusal(int err)
{
	switch (err) {
	case -EACCES:
	case -EPERM:
		return NOT_TAKEN
			"a perf event of the thread is not permitted (CAP_PERFMON, or "
			"kernel.perf_event_paranoid of at most 2 and a process of the same "
			"user; a seccomp filter or a security module can also forbid it)";
	case -ESRCH:
		return NOT_TAKEN "the thread had ended";
	case -ENOBUFS:
		return NOT_TAKEN "this user may not lock more memory "
				 "(kernel.perf_event_mlock_kb; ulimit -l; CAP_IPC_LOCK)";
	case -EMFILE:
	case -ENFILE:
		return NOT_TAKEN "too many files are open (ulimit -n)";
	case -EDQUOT:
		return NOT_TAKEN "too many other threads were sampled at the same time";
	default:
		return NOT_TAKEN "the kernel gives no perf event of the thread";
	}
}
