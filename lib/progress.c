/* SPDX-License-Identifier: GPL-2.0-only */
#include "progress.h"

const char *const progress_keys[PROGRESS_NUMBERS_] = {
	[PROGRESS_CPU_NS] = "cpu_ns",
	[PROGRESS_READ_BYTES] = "read_bytes",
	[PROGRESS_WRITTEN_BYTES] = "written_bytes",
	[PROGRESS_READ_CALLS] = "read_calls",
	[PROGRESS_WRITE_CALLS] = "write_calls",
	[PROGRESS_MINOR_FAULTS] = "minor_faults",
	[PROGRESS_MAJOR_FAULTS] = "major_faults",
	[PROGRESS_VOLUNTARY_SWITCHES] = "voluntary_switches",
	[PROGRESS_INVOLUNTARY_SWITCHES] = "involuntary_switches",
	[PROGRESS_RESIDENT_BEFORE_BYTES] = "resident_before_bytes",
	[PROGRESS_RESIDENT_BYTES] = "resident_bytes",
};
