/* SPDX-License-Identifier: GPL-2.0-only */
/* Where an incident is from: paths of cgroups, os-release, and the IDs of the machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/cgroup_origin.h"
#include "evidence/capture/machine_info.h"

#define ID "3f0c9d5e7a1b42c68d9e0f1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e"
#define ID2 "b" ID
#define INNER "0000000000000000000000000000000000000000000000000000000000000001"
#define UID "0f8a6c1e-52d7-4b39-9c0e-7a1d2b3c4e5f"
#define UID_ "0f8a6c1e_52d7_4b39_9c0e_7a1d2b3c4e5f"
#define HASH "0f8a6c1e52d74b399c0e7a1d2b3c4e5f"
#define USER "/user.slice/user-1000.slice/user@1000.service"
#define BURST "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod"

static const struct {
	const char *path, *unit, *user_unit, *runtime, *container, *pod;
} cases[] = {
	/* systemd */
	{ "/", "", "", "", "", "" },
	{ "", "", "", "", "", "" },
	{ "/init.scope", "init.scope", "", "", "", "" },
	{ "/system.slice", "", "", "", "", "" },
	{ "/system.slice/nginx.service", "nginx.service", "", "", "", "" },
	{ "/system.slice/nginx.service/workers", "nginx.service", "", "", "", "" },
	{ "/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service", "", "", "",
	  "" },
	{ "/system.slice/_cpu.service", "cpu.service", "", "", "", "" },
	{ "/user.slice/user-1000.slice/session-3.scope", "session-3.scope", "", "", "", "" },
	{ USER "/app.slice/app-foo.service", "user@1000.service", "app-foo.service", "", "", "" },
	{ USER "/init.scope", "user@1000.service", "init.scope", "", "", "" },
	{ USER, "user@1000.service", "", "", "", "" },
	{ "/foo/nginx.service", "", "", "", "", "" },
	{ "/../nginx.service", "", "", "", "", "" },
	{ "/.service", "", "", "", "", "" },
	/* docker */
	{ "/system.slice/docker-" ID ".scope", "docker-" ID ".scope", "", "docker", ID, "" },
	{ "/docker/" ID, "", "", "docker", ID, "" },
	{ USER "/user.slice/docker-" ID ".scope", "user@1000.service", "docker-" ID ".scope",
	  "docker", ID, "" },
	{ "/docker/" ID "/docker/" INNER, "", "", "docker", INNER, "" },
	{ "/system.slice/docker-web.scope", "docker-web.scope", "", "", "", "" },
	{ "/system.slice/docker-" ID2 ".scope", "docker-" ID2 ".scope", "", "", "", "" },
	{ "/docker/buildkit/abc", "", "", "", "", "" },
	{ "/system.slice/docker.service", "docker.service", "", "", "", "" },
	{ "/" ID, "", "", "", "", "" },
	/* podman */
	{ "/machine.slice/libpod-" ID ".scope/container", "libpod-" ID ".scope", "", "podman", ID,
	  "" },
	{ "/machine.slice/libpod-conmon-" ID ".scope", "libpod-conmon-" ID ".scope", "", "", "",
	  "" },
	{ "/libpod_parent/libpod-" ID, "", "", "podman", ID, "" },
	{ USER "/user.slice/user-libpod_pod_" INNER ".slice/libpod-" ID ".scope",
	  "user@1000.service", "libpod-" ID ".scope", "podman", ID, INNER },
	/* Kubernetes */
	{ BURST UID_ ".slice/cri-containerd-" ID ".scope", "cri-containerd-" ID ".scope", "",
	  "containerd", ID, UID },
	{ "/kubepods.slice/kubepods-pod" UID_ ".slice/crio-" ID ".scope/container",
	  "crio-" ID ".scope", "", "cri-o", ID, UID },
	{ BURST UID_ ".slice/crio-conmon-" ID ".scope", "crio-conmon-" ID ".scope", "", "", "",
	  UID },
	{ BURST HASH ".slice/docker-" ID ".scope", "docker-" ID ".scope", "", "docker", ID, HASH },
	{ "/kubepods/burstable/pod" UID "/" ID, "", "", "", ID, UID },
	{ "/kubepods/pod" UID "/crio-" ID, "", "", "cri-o", ID, UID },
	{ "/../../pod" UID "/" ID, "", "", "", ID, UID },
	{ "/../../kubepods-burstable-pod" UID_ ".slice/cri-containerd-" ID ".scope", "", "",
	  "containerd", ID, UID },
	{ "/kubepods/besteffort/podXYZ/" ID, "", "", "", "", "" },
	{ "/pod" UID "/" ID, "", "", "", "", "" },
	{ "/system.slice/kubelet.service", "kubelet.service", "", "", "", "" },
	{ "/docker/" ID "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod" UID_
	  ".slice/cri-containerd-" INNER ".scope",
	  "", "", "containerd", INNER, UID },
	{ "/system.slice/nerdctl-" ID ".scope", "nerdctl-" ID ".scope", "", "containerd", ID, "" },
	/* LXC and nspawn */
	{ "/lxc.payload.web/system.slice/nginx.service", "", "", "lxc", "web", "" },
	{ "/lxc.payload/web", "", "", "lxc", "web", "" },
	{ "/lxc/102/ns", "", "", "lxc", "102", "" },
	{ "/lxc.monitor.web", "", "", "", "", "" },
	{ "/machine.slice/machine-web\\x2d1.scope/payload/init.scope", "machine-web\\x2d1.scope",
	  "", "systemd-nspawn", "web-1", "" },
	{ "/machine.slice/machine-web.scope/supervisor", "machine-web.scope", "", "", "", "" },
	{ "/machine.slice/systemd-nspawn@web.service/payload", "systemd-nspawn@web.service", "",
	  "systemd-nspawn", "web", "" },
	{ "/machine.slice/machine-qemu\\x2d1\\x2dvm.scope/libvirt/emulator",
	  "machine-qemu\\x2d1\\x2dvm.scope", "", "", "", "" },
};

static void the_path_of_a_cgroup_gives_what_it_proves(void **state)
{
	struct origin origin;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memset(&origin, 0, sizeof(origin));
		cgroup_origin(cases[i].path, &origin);
		if (strcmp(origin.text[ORIGIN_UNIT], cases[i].unit) ||
		    strcmp(origin.text[ORIGIN_USER_UNIT], cases[i].user_unit) ||
		    strcmp(origin.text[ORIGIN_RUNTIME], cases[i].runtime) ||
		    strcmp(origin.text[ORIGIN_CONTAINER], cases[i].container) ||
		    strcmp(origin.text[ORIGIN_POD], cases[i].pod))
			fail_msg("%s: unit \"%s\" \"%s\", container \"%s\" \"%s\", pod \"%s\"",
				 cases[i].path, origin.text[ORIGIN_UNIT],
				 origin.text[ORIGIN_USER_UNIT], origin.text[ORIGIN_RUNTIME],
				 origin.text[ORIGIN_CONTAINER], origin.text[ORIGIN_POD]);
	}
}

static void a_long_path_is_cut_and_not_overrun(void **state)
{
	static char path[20000];
	struct origin origin = { 0 };

	(void)state;
	memset(path, 'x', sizeof(path) - 1);
	memcpy(path, "/lxc.payload.", strlen("/lxc.payload."));
	cgroup_origin(path, &origin);
	assert_int_equal(strlen(origin.text[ORIGIN_CONTAINER]), ORIGIN_LEN - 1);
	memcpy(path + sizeof(path) - 9, ".service", 8);
	memcpy(path, "/xxxxxxxxxxxx", strlen("/lxc.payload."));
	cgroup_origin(path, &origin);
	/* systemd has no unit of such a name. */
	assert_string_equal(origin.text[ORIGIN_UNIT], "");
	memset(path, '/', sizeof(path) - 1);
	cgroup_origin(path, &origin);
}

static void os_release_is_read_as_a_shell_reads_it(void **state)
{
	char path[] = "/tmp/maze-test-XXXXXX";
	struct origin origin = { 0 };
	FILE *file = fdopen(mkstemp(path), "w");

	(void)state;
	assert_non_null(file);
	fputs("# PRETTY_NAME=no\nPRETTY_NAME=\"A \\\"B\\\" \\$1\"\nVERSION_ID='12'\nID=debian\n"
	      "ID_LIKE=other\nVARIANT_ID=other\n",
	      file);
	fclose(file);
	assert_true(machine_info_os(path, &origin));
	unlink(path);
	assert_string_equal(origin.text[ORIGIN_OS], "A \"B\" $1");
	assert_string_equal(origin.text[ORIGIN_OS_ID], "debian");
	assert_string_equal(origin.text[ORIGIN_OS_VERSION], "12");
	assert_false(machine_info_os(path, &origin));
}

static void read_line(const char *command, char *line, size_t size)
{
	FILE *pipe = popen(command, "re");

	line[0] = '\0';
	assert_true(pipe && fgets(line, (int)size, pipe));
	pclose(pipe);
	line[strcspn(line, "\n")] = '\0';
}

static void the_machine_id_is_derived_and_the_boot_id_is_not(void **state)
{
	struct origin origin = { 0 };
	char line[128];

	(void)state;
	machine_info_origin(&origin);
	read_line("uname -n", line, sizeof(line));
	assert_string_equal(origin.text[ORIGIN_HOST], line);
	read_line("uname -r", line, sizeof(line));
	assert_string_equal(origin.text[ORIGIN_KERNEL], line);
	read_line("uname -m", line, sizeof(line));
	assert_string_equal(origin.text[ORIGIN_ARCH], line);
	read_line("tr -d - < /proc/sys/kernel/random/boot_id", line, sizeof(line));
	assert_string_equal(origin.text[ORIGIN_BOOT_ID], line);
	assert_string_equal(origin.text[ORIGIN_MAZE], MAZE_VERSION);
	if (access("/etc/machine-id", R_OK) || access("/usr/bin/systemd-id128", X_OK))
		return;
	/* The command that maze-incident(5) names. */
	read_line("systemd-id128 machine-id --app-specific=ccaeb9a252ed41cc88ed9a6d874f9221", line,
		  sizeof(line));
	assert_string_equal(origin.text[ORIGIN_MACHINE_ID], line);
}

static void the_engine_has_its_interface_version(void **state)
{
	char version[ORIGIN_LEN];

	(void)state;
	origin_interface("bpf", version);
	assert_true(version[0] > '0');
	origin_interface("kmod", version);
	assert_true(version[0] > '0');
	origin_interface("poll", version);
	assert_string_equal(version, "");
	origin_interface("none", version);
	assert_string_equal(version, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_path_of_a_cgroup_gives_what_it_proves),
		cmocka_unit_test(a_long_path_is_cut_and_not_overrun),
		cmocka_unit_test(os_release_is_read_as_a_shell_reads_it),
		cmocka_unit_test(the_machine_id_is_derived_and_the_boot_id_is_not),
		cmocka_unit_test(the_engine_has_its_interface_version),
	};

	return cmocka_run_group_tests_name("origin", tests, NULL, NULL);
}
