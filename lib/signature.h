/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The signature of an incident: its program and the functions that it loops in. Incidents of
 * one bug have the same signature, in each process and after each start. mazed writes it
 * into the incident. Reports compute it for incidents of earlier versions.
 */
#ifndef MAZE_LIB_SIGNATURE_H
#define MAZE_LIB_SIGNATURE_H

#include <jansson.h>
#include <stdbool.h>

#define SIGNATURE_FUNCTIONS 3
/* Room for a program and its functions, each cut if it is longer. */
#define SIGNATURE_LEN 1024

/*
 * Finds the signature in the keys of maze-incident(5), such as
 * "loop: inner < middle < outer". Kernel, vDSO and C library are left out, and if the Python
 * stack is known, all but the Python functions. The first function is the innermost one that
 * nearly all samples have in common; its callers follow. Of a group, it is that of the
 * largest consumer. The names are untrusted. False: no function of the program is known.
 */
bool signature_of_incident(const json_t *incident, char ret_signature[SIGNATURE_LEN]);

#endif
