/* SPDX-License-Identifier: GPL-2.0-only */
#include "origin.h"

/* clang-format off */
const struct origin_field origin_table[ORIGIN_COUNT_] = {
	[ORIGIN_CONTAINER] = { "process", "container", "container", "" },
	[ORIGIN_RUNTIME] = { "process", "container_runtime", "container", ", by " },
	[ORIGIN_POD] = { "process", "pod", "pod", "" },
	[ORIGIN_UNIT] = { "process", "unit", "unit", "" },
	[ORIGIN_USER_UNIT] = { "process", "user_unit", "unit", ", user unit " },
	[ORIGIN_HOST] = { "machine", "host", "host", "" },
	[ORIGIN_MACHINE_ID] = { "machine", "machine_id", "machine ID", "" },
	[ORIGIN_BOOT_ID] = { "machine", "boot_id", "boot ID", "" },
	[ORIGIN_OS] = { "machine", "os", "system", "" },
	[ORIGIN_OS_ID] = { "machine", "os_id", "system", ", ID " },
	[ORIGIN_OS_VERSION] = { "machine", "os_version", "system", ", version " },
	[ORIGIN_KERNEL] = { "machine", "kernel", "kernel", "Linux " },
	[ORIGIN_ARCH] = { "machine", "arch", "kernel", ", " },
	[ORIGIN_MAZE] = { "maze", "version", "maze", "version " },
	[ORIGIN_ENGINE] = { "maze", "engine", "maze", ", engine " },
	[ORIGIN_INTERFACE] = { "maze", "engine_interface", "maze", ", interface " },
};
/* clang-format on */
