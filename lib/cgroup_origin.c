/* SPDX-License-Identifier: GPL-2.0-only */
#include "cgroup_origin.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/systemd_unit.h"

/* The IDs of docker, podman, containerd and CRI-O have 256 bits. */
#define CONTAINER_ID_LEN 64
#define HEX "0123456789abcdef"

/* How the cgroup of a container is named. */
static const struct form {
	const char *runtime;
	const char *parent; /* the name of the cgroup above; NULL: any */
	const char *prefix, *suffix;
	const char *child; /* the name of the cgroup below; NULL: any or none */
	bool hexadecimal;  /* an ID, and not a name, is between prefix and suffix */
} forms[] = {
	{ "docker", NULL, "docker-", ".scope", NULL, true },
	{ "docker", "docker", "", "", NULL, true },
	{ "podman", NULL, "libpod-", ".scope", NULL, true },
	{ "podman", NULL, "libpod-", "", NULL, true },
	{ "containerd", NULL, "cri-containerd-", ".scope", NULL, true },
	{ "containerd", NULL, "nerdctl-", ".scope", NULL, true },
	{ "cri-o", NULL, "crio-", ".scope", NULL, true },
	{ "cri-o", NULL, "crio-", "", NULL, true },
	{ "lxc", NULL, "lxc.payload.", "", NULL, false },
	{ "lxc", "lxc.payload", "", "", NULL, false },
	{ "lxc", "lxc", "", "", NULL, false },
	{ "systemd-nspawn", NULL, "machine-", ".scope", "payload", false },
	{ "systemd-nspawn", NULL, "systemd-nspawn@", ".service", "payload", false },
};
#define FORMS (sizeof(forms) / sizeof(forms[0]))

static bool begins(const char *name, const char *prefix)
{
	return !strncmp(name, prefix, strlen(prefix));
}

/* Returns the length of what is between prefix and suffix; 0: nothing, or no match. */
static size_t between(const char *name, const char *prefix, const char *suffix)
{
	size_t length = strlen(name), around = strlen(prefix) + strlen(suffix);

	return length > around && begins(name, prefix) &&
			       !strcmp(name + length - strlen(suffix), suffix)
		       ? length - around
		       : 0;
}

static bool is_id(const char *text, size_t length)
{
	return length == CONTAINER_ID_LEN && strspn(text, HEX) >= length;
}

/* Copies a name without the escapes of systemd, such as "\x2d". */
static void unescape(const char *name, size_t length, char ret_text[ORIGIN_LEN])
{
	const char *end = name + length;
	unsigned int byte;
	size_t n = 0;

	while (name < end && n < ORIGIN_LEN - 1) {
		if (begins(name, "\\x") && strspn(name + 2, HEX) >= 2 && end - name >= 4 &&
		    sscanf(name + 2, "%2x", &byte) == 1 && byte) {
			ret_text[n++] = (char)byte;
			name += 4;
		} else {
			ret_text[n++] = *name++;
		}
	}
	ret_text[n] = '\0';
}

static void set_container(struct origin *origin, const char *runtime, const char *id, size_t length)
{
	unescape(id, length, origin->text[ORIGIN_CONTAINER]);
	snprintf(origin->text[ORIGIN_RUNTIME], ORIGIN_LEN, "%s", runtime);
}

static bool is_form(const struct form *form, const char *parent, const char *name,
		    const char *child)
{
	size_t length = between(name, form->prefix, form->suffix);

	return length && (!form->parent || !strcmp(form->parent, parent)) &&
	       (!form->child || !strcmp(form->child, child)) &&
	       (!form->hexadecimal || is_id(name + strlen(form->prefix), length));
}

/*
 * Finds the pod: "kubepods-burstable-podUID.slice" with "_" for "-", "podUID" somewhere
 * below "kubepods", or podman's "machine-libpod_pod_ID.slice". Static pods have a hash of
 * 128 bits in place of a UUID.
 */
static bool find_pod(const char *name, bool in_kubepods, char ret_pod[ORIGIN_LEN])
{
	const char *id = strstr(name, "kubepods") ? strstr(name, "-pod") : NULL;
	char pod[ORIGIN_LEN];
	size_t length, i;

	if (id)
		id += strlen("-pod");
	else if (strstr(name, "libpod_pod_"))
		id = strstr(name, "libpod_pod_") + strlen("libpod_pod_");
	else if (in_kubepods && begins(name, "pod"))
		id = name + strlen("pod");
	if (!id)
		return false;
	length = strlen(id) - (between(id, "", ".slice") ? strlen(".slice") : 0);
	if (length != 32 && length != 36 && length != CONTAINER_ID_LEN)
		return false;
	for (i = 0; i < length; i++)
		pod[i] = id[i] == '_' ? '-' : id[i];
	pod[i] = '\0';
	if (strspn(pod, HEX "-") < length)
		return false;
	memcpy(ret_pod, pod, length + 1);
	return true;
}

static void find_container(char *const *names, size_t count, struct origin *origin)
{
	bool in_kubepods = false, in_pod = false;
	const char *parent, *child;
	size_t i, j;

	for (i = 0; i < count; i++) {
		parent = i ? names[i - 1] : "";
		child = i + 1 < count ? names[i + 1] : "";
		for (j = 0; j < FORMS && !is_form(&forms[j], parent, names[i], child); j++)
			;
		if (j < FORMS)
			set_container(origin, forms[j].runtime, names[i] + strlen(forms[j].prefix),
				      between(names[i], forms[j].prefix, forms[j].suffix));
		else if (in_pod && is_id(names[i], strlen(names[i])))
			set_container(origin, "", names[i], strlen(names[i]));
		in_pod = find_pod(names[i], in_kubepods, origin->text[ORIGIN_POD]);
		/* A reader in a pod of its own does not see the names above both pods. */
		in_kubepods |= !strcmp(names[i], "kubepods") || !strcmp(names[i], "..");
	}
}

void cgroup_origin(const char *path, struct origin *origin)
{
	char *copy = strdup(path), *rest = copy, **names = calloc(strlen(path) + 1, sizeof(*names));
	char unit[UNIT_NAME_SIZE];
	const char *below;
	size_t count = 0;

	while (copy && names && (names[count] = strsep(&rest, "/")))
		count += names[count][0] != '\0';
	below = unit_of_cgroup(path, unit);
	snprintf(origin->text[ORIGIN_UNIT], ORIGIN_LEN, "%s", unit);
	if (below && between(unit, "user@", ".service")) {
		unit_of_cgroup(below, unit);
		snprintf(origin->text[ORIGIN_USER_UNIT], ORIGIN_LEN, "%s", unit);
	}
	find_container(names, count, origin);
	free(names);
	free(copy);
}
