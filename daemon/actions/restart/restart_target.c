/* SPDX-License-Identifier: GPL-2.0-only */
#include "restart_target.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../base/error.h"
#include "../../../lib/cgroup_origin.h"
#include "../../../base/glob.h"

/*
 * Services that are never restarted: without them the machine or a session cannot be
 * operated, or their restart ends what they do not own (sessions, containers, disks).
 * A control group has the name of the unit file, so an alias needs no row.
 * scripts/check-manual compares the list with maze.conf(5).
 */
static const char *const never[] = {
	"systemd-*.service",
	"user@*.service",
	"user-runtime-dir@*.service",
	"dbus*.service",
	"polkit.service",
	"mazed.service",
	"ssh.service",
	"ssh@*.service",
	"sshd*.service",
	"dropbear*.service",
	"*getty@*.service",
	"console-getty.service",
	"autovt@*.service",
	"rescue.service",
	"emergency.service",
	"display-manager.service",
	"gdm*.service",
	"lightdm.service",
	"sddm.service",
	"greetd.service",
	"xdm.service",
	"lxdm.service",
	"ly.service",
	"ly@*.service",
	"slim.service",
	"wdm.service",
	"nodm.service",
	"xrdp*.service",
	"docker.service",
	"containerd.service",
	"crio.service",
	"k3s*.service",
	"kubelet.service",
	"podman*.service",
	"lxc*.service",
	"libvirt*.service",
	"virt*d.service",
	"iscsid.service",
	"open-iscsi.service",
	"multipathd.service",
	"gnome-session*.service",
	"gnome-shell*.service",
	"org.gnome.Shell@*.service",
	"plasma-kwin*.service",
	"plasma-ksmserver.service",
	"kwin*.service",
	"sway*.service",
	"wayland-wm@*.service",
};

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), of_end = strlen(end);

	return length > of_end && !strcmp(text + length - of_end, end);
}

/*
 * Finds the control group of the container or unit: the shortest beginning of the path that
 * has the same texts as the whole path.
 */
static int find_cgroup(const char *path, const struct origin *whole, enum origin_text which,
		       char ret_cgroup[PATH_MAX])
{
	const char *end = path;
	struct origin part;

	while (*end) {
		end = strchrnul(end + 1, '/');
		if (end - path >= PATH_MAX)
			return -ENAMETOOLONG;
		memcpy(ret_cgroup, path, (size_t)(end - path));
		ret_cgroup[end - path] = '\0';
		memset(&part, 0, sizeof(part));
		cgroup_origin(ret_cgroup, &part);
		if (!strcmp(part.text[which], whole->text[which]))
			return 0;
	}
	return -ENOENT;
}

static int check_unit(const char *name, const struct string_list *spared, struct maze_error *error)
{
	size_t i;

	if (!ends_with(name, ".service"))
		return maze_fail(error, -EPERM,
				 "its unit %.128s is not a service, and only a service is "
				 "restarted",
				 name);
	for (i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		if (glob_matches(never[i], name))
			return maze_fail(error, -EPERM, "mazed never restarts %.128s", name);
	for (i = 0; i < spared->count; i++)
		if (glob_matches(spared->items[i], name))
			return maze_fail(error, -EPERM,
					 "%.128s is not restarted: the rule has no-restart = %.64s",
					 name, spared->items[i]);
	return 0;
}

static enum origin_text select_target(const struct origin *origin, struct restart_target *target)
{
	if (origin->text[ORIGIN_CONTAINER][0]) {
		target->kind = RESTART_CONTAINER;
		snprintf(target->runtime, sizeof(target->runtime), "%s",
			 origin->text[ORIGIN_RUNTIME]);
		return ORIGIN_CONTAINER;
	}
	if (origin->text[ORIGIN_USER_UNIT][0]) {
		target->kind = RESTART_USER_UNIT;
		target->uid =
			(maze_u32)strtoul(origin->text[ORIGIN_UNIT] + strlen("user@"), NULL, 10);
		return ORIGIN_USER_UNIT;
	}
	target->kind = RESTART_UNIT;
	return ORIGIN_UNIT;
}

int restart_target_find(const char *cgroup, const struct string_list *spared,
			struct restart_target *ret_target, struct maze_error *error)
{
	struct restart_target target = { .uid = 0 };
	struct origin origin = { 0 };
	enum origin_text which;
	int err;

	cgroup_origin(cgroup, &origin);
	which = select_target(&origin, &target);
	if (!origin.text[which][0])
		return maze_fail(error, -EPERM,
				 "its cgroup %.200s belongs to no unit and no container", cgroup);
	snprintf(target.name, sizeof(target.name), "%s", origin.text[which]);
	err = find_cgroup(cgroup, &origin, which, target.cgroup);
	if (err)
		return maze_fail(error, err, "cannot find the cgroup of %.128s", target.name);
	err = target.kind == RESTART_CONTAINER ? 0 : check_unit(target.name, spared, error);
	if (!err)
		*ret_target = target;
	return err;
}

const char *restart_target_format(const struct restart_target *target, char *buf, size_t size)
{
	switch (target->kind) {
	case RESTART_CONTAINER:
		snprintf(buf, size, "container %.64s%s%.32s", target->name,
			 target->runtime[0] ? " of " : "", target->runtime);
		break;
	case RESTART_USER_UNIT:
		snprintf(buf, size, "unit %.128s of user id %u", target->name, target->uid);
		break;
	default:
		snprintf(buf, size, "unit %.128s", target->name);
	}
	return buf;
}
