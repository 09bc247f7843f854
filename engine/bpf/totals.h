/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared by the program that adds up the watches and its loader. */
#ifndef MAZE_BPF_TOTALS_H
#define MAZE_BPF_TOTALS_H

#include "../../core/allowance.h"
#include "../../core/total.h"

/* Rules and units have at most as many tags as allowances. With more, use the list. */
#define TOTALS_MAX MAZE_ALLOWANCES_MAX

struct totals_state {
	maze_u64 missed; /* watches whose tag did not fit into the map */
};

#endif
