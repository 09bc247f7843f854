/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Integer types for code that is compiled for the kernel and for user space. core/
 * includes no kernel header and no user-space header, so this file defines the widths and
 * checks them.
 */
#ifndef MAZE_CORE_TYPES_H
#define MAZE_CORE_TYPES_H

typedef unsigned long long maze_u64;
typedef unsigned int maze_u32;
typedef unsigned short maze_u16;
typedef unsigned char maze_u8;

/* The public headers are read as C++ too. */
#ifdef __cplusplus
#define maze_static_assert static_assert
#else
#define maze_static_assert _Static_assert
#endif

maze_static_assert(sizeof(maze_u64) == 8, "maze_u64 must be 64 bits");
maze_static_assert(sizeof(maze_u32) == 4, "maze_u32 must be 32 bits");
maze_static_assert(sizeof(maze_u16) == 2, "maze_u16 must be 16 bits");

/* Always inlined, because a BPF function cannot return a struct. */
#define maze_inline static inline __attribute__((__always_inline__))

#define MAZE_NSEC_PER_USEC 1000ULL
#define MAZE_NSEC_PER_MSEC 1000000ULL
#define MAZE_NSEC_PER_SEC 1000000000ULL

#endif
