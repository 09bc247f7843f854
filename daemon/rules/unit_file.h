/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reads the section [X-Maze] of the files of a systemd unit. systemd ignores sections whose
 * name begins with X-. The syntax is that of systemd.syntax(7): comments in lines of their
 * own, continued lines, the last value of a key applies, and an empty one takes back those
 * before. Specifiers such as %n are not expanded. The keys are those of [rule] that set
 * something, as systemd would write them: HardSignal for hard-signal.
 */
#ifndef MAZE_DAEMON_UNIT_FILE_H
#define MAZE_DAEMON_UNIT_FILE_H

#include "conf.h"

/* The prefix of the names of rules of units, such as "unit:nginx.service". */
#define UNIT_RULE_PREFIX "unit:"
/* systemd has no such limits. Units in practice have a few KiB and a few drop-ins. */
#define UNIT_FILE_MAX_BYTES (1U << 20)
#define UNIT_FILES_MAX 64

/*
 * Both add the keys of a file to the last section of `conf`, which conf_add_section() has
 * added, and problems. They return 0, also with problems, or -ENOMEM.
 */
int unit_file_parse(struct conf *conf, const char *name, const char *text, size_t length,
		    struct problems *problems);
/*
 * As conf_read_file(), but a file that does not exist has no keys, as /dev/null, with which
 * systemd masks files. Others must be of root, and not writable by other users. Links are
 * followed, because systemd does so.
 */
int unit_file_read(struct conf *conf, const char *path, struct problems *problems);
/*
 * Adds the section of a unit, with the keys of all its files in the order of `paths`, which
 * ends with NULL. A section without keys counts as none.
 */
int unit_files_read(struct conf *conf, const char *unit, char *const *paths,
		    struct problems *problems);

#endif
