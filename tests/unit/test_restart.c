/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The action restart: what is restarted and what never is, managers that fail in each way,
 * and containers. The processes are in control groups of this test, which have the names
 * of units and containers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/un.h>

#include "../../daemon/actions/restart/restart_target.h"
#include "../../daemon/actions/restart/restarts.h"
#include "../../daemon/actions/restart/user_manager.h"
#include "restarting.h"

static const struct string_list spares_db = { .items = (char *[]){ "db-*.service", NULL },
					      .count = 1 };

/* ---- what is restarted --------------------------------------------------------------- */

#define USERS "/user.slice/user-1000.slice/user@1000.service/session.slice"

static const struct {
	const char *path, *what, *cgroup; /* cgroup NULL: refused, and `what` is in the reason */
} targets[] = {
	{ "/system.slice/web.service", "unit web.service", "/system.slice/web.service" },
	{ "/system.slice/web.service/worker/1", "unit web.service", "/system.slice/web.service" },
	{ "/system.slice/system-web.slice/web@1.service", "unit web@1.service",
	  "/system.slice/system-web.slice/web@1.service" },
	{ "/user.slice/user-1000.slice/user@1000.service/app.slice/app.service/x",
	  "unit app.service of user id 1000",
	  "/user.slice/user-1000.slice/user@1000.service/app.slice/app.service" },
	{ "/system.slice/docker-" ID ".scope/init.scope", "container " ID " of docker",
	  "/system.slice/docker-" ID ".scope" },
	{ "/system.slice/docker-" ID ".scope/system.slice/web.service",
	  "container " ID " of docker", "/system.slice/docker-" ID ".scope" },
	{ "/kubepods.slice/kubepods-besteffort.slice/cri-containerd-" ID ".scope",
	  "container " ID " of containerd",
	  "/kubepods.slice/kubepods-besteffort.slice/cri-containerd-" ID ".scope" },
	{ "/machine.slice/machine-box.scope/payload/system.slice/sshd.service",
	  "container box of systemd-nspawn", "/machine.slice/machine-box.scope/payload" },
	{ "/", "belongs to no unit", NULL },
	{ "/init.scope", "init.scope is not a service", NULL },
	{ "/system.slice", "belongs to no unit", NULL },
	{ "/user.slice/user-1000.slice/session-2.scope", "not a service", NULL },
	{ "/user.slice/user-1000.slice/user@1000.service/init.scope", "not a service", NULL },
	{ "/user.slice/user-1000.slice/user@1000.service/app.slice/app-x.scope", "not a service",
	  NULL },
	{ "/user.slice/user-1000.slice/user@1000.service", "never restarts user@1000.service",
	  NULL },
	{ "/user.slice/user-1000.slice/user@1000.service/session.slice/dbus.service",
	  "never restarts dbus.service", NULL },
	{ "/system.slice/mnt.mount", "not a service", NULL },
	{ "/system.slice/dbus-broker.service", "never restarts", NULL },
	{ "/system.slice/systemd-journald.service", "never restarts", NULL },
	{ "/system.slice/sshd.service", "never restarts", NULL },
	{ "/system.slice/ssh.service", "never restarts", NULL },
	{ "/system.slice/system-getty.slice/getty@tty1.service", "never restarts", NULL },
	{ "/system.slice/mazed.service/maze-command-1-1", "never restarts mazed.service", NULL },
	{ "/system.slice/docker.service", "never restarts", NULL },
	{ "/system.slice/display-manager.service", "never restarts", NULL },
	{ "/system.slice/greetd.service", "never restarts", NULL },
	{ "/system.slice/xdm.service", "never restarts", NULL },
	{ "/system.slice/lxdm.service", "never restarts", NULL },
	{ "/system.slice/ly.service", "never restarts", NULL },
	{ "/system.slice/ly@tty2.service", "never restarts", NULL },
	{ "/system.slice/slim.service", "never restarts", NULL },
	{ "/system.slice/wdm.service", "never restarts", NULL },
	{ "/system.slice/nodm.service", "never restarts", NULL },
	{ "/system.slice/xrdp.service", "never restarts", NULL },
	{ "/system.slice/xrdp-sesman.service", "never restarts", NULL },
	{ "/system.slice/dropbear.service", "never restarts", NULL },
	{ "/system.slice/lxcfs.service", "never restarts", NULL },
	{ "/system.slice/lxc.service", "never restarts", NULL },
	{ "/system.slice/iscsid.service", "never restarts", NULL },
	{ "/system.slice/open-iscsi.service", "never restarts", NULL },
	{ "/system.slice/multipathd.service", "never restarts", NULL },
	{ "/system.slice/libvirtd.service", "never restarts", NULL },
	{ "/system.slice/libvirt-guests.service", "never restarts", NULL },
	{ "/system.slice/virtqemud.service", "never restarts", NULL },
	{ "/system.slice/podman.service", "never restarts", NULL },
	{ "/system.slice/podman-restart.service", "never restarts", NULL },
	{ "/system.slice/kubelet.service", "never restarts", NULL },
	{ "/system.slice/crio.service", "never restarts", NULL },
	{ USERS "/org.gnome.Shell@wayland.service", "never restarts", NULL },
	{ USERS "/gnome-shell-x11.service", "never restarts", NULL },
	{ USERS "/gnome-session-manager@gnome.service", "never restarts", NULL },
	{ USERS "/plasma-kwin_wayland.service", "never restarts", NULL },
	{ USERS "/plasma-ksmserver.service", "never restarts", NULL },
	{ USERS "/sway.service", "never restarts", NULL },
	{ USERS "/wayland-wm@sway.service", "never restarts", NULL },
	{ USERS "/dbus-broker.service", "never restarts", NULL },
	{ "/system.slice/nfs-server.service", "unit nfs-server.service",
	  "/system.slice/nfs-server.service" },
	{ USERS "/pipewire.service", "unit pipewire.service of user id 1000",
	  USERS "/pipewire.service" },
	{ USERS "/plasma-plasmashell.service", "unit plasma-plasmashell.service of user id 1000",
	  USERS "/plasma-plasmashell.service" },
	{ "/system.slice/db-1.service", "no-restart = db-*.service", NULL },
};

static void a_cgroup_has_a_target_or_a_reason(void **state)
{
	struct restart_target target;
	struct maze_error error;
	char what[256];
	size_t i;
	int err;

	(void)state;
	for (i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		error.text[0] = '\0';
		err = restart_target_find(targets[i].path, &spares_db, &target, &error);
		if (!targets[i].cgroup) {
			if (err != -EPERM || !strstr(error.text, targets[i].what))
				fail_msg("%s: %d \"%s\"", targets[i].path, err, error.text);
			continue;
		}
		if (err)
			fail_msg("%s: %s", targets[i].path, error.text);
		assert_string_equal(restart_target_format(&target, what, sizeof(what)),
				    targets[i].what);
		assert_string_equal(target.cgroup, targets[i].cgroup);
	}
}

/* ---- units ----------------------------------------------------------------------------- */

static void a_unit_is_restarted_and_the_result_is_logged(void **state)
{
	static const struct {
		enum fake_way way;
		const char *result, *logged;
		bool applied;
	} cases[] = {
		{ FAKE_DONE, "done", "restarted its unit web.service in ", true },
		{ FAKE_DONE, "failed", "its job ended with the result \\\"failed\\\"", false },
		{ FAKE_DONE, "timeout", "its job ended with the result \\\"timeout\\\"", false },
		{ FAKE_REFUSES, "", "could not restart its unit web.service: Unit not found: xxx",
		  false },
		{ FAKE_LONG_REFUSAL, "", "could not restart its unit web.service: Unit not found",
		  false },
		{ FAKE_OTHER_TYPE, "", "the answer of systemd is malformed", false },
		{ FAKE_CLOSES, "", "could not restart its unit web.service: ", false },
		{ FAKE_CLOSES_LATER, "", "so its result is unknown", false },
		{ FAKE_BYTES, "", "could not restart its unit web.service: ", false },
		{ FAKE_INACTIVE, "done",
		  "could not restart its unit web.service: it was not running", false },
		{ FAKE_GONE, "", "could not restart its unit web.service: nothing listens", false },
	};
	struct acting *acting = *state;
	struct maze_record record;
	struct victim victim;
	char line[128];
	bool began;
	size_t i;

	start_victim_in("/web.service/worker", &victim, &record);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(truncate(acting->log_path, 0), 0);
		fake.way = cases[i].way;
		fake.result = cases[i].result;
		act_on_restart(acting, &record, &yes_stage, victim.pidfd);
		run_until_logged(acting, cases[i].logged);
		snprintf(line, sizeof(line), "\"action\":\"restart\",\"tried\":true,\"applied\":%s",
			 cases[i].applied ? "true" : "false");
		assert_logged(acting, line);
		assert_int_equal(actions_restarts(acting->actions), 0);
		/* What holds the incident open until there is a result. */
		began = cases[i].way != FAKE_GONE;
		assert_int_equal(acting->begun, began);
		assert_int_equal(acting->pending, 0);
		acting->begun = 0;
		bus_free(acting->bus);
		fake_leave(&fake);
		assert_int_equal(bus_new(acting->event, fake_connect, &fake, &acting->bus), 0);
		reopen_with_grace(acting, acting->grace_ns);
	}
	assert_string_equal(fake.unit, "web.service");
	assert_string_equal(fake.type, "try-restart");
	assert_string_equal(fake.mode, "fail");
	assert_false(pidfd_has_ended(victim.pidfd));
	end_victim(&victim);
}

static void a_job_that_never_ends_is_left_and_blocks_no_later_restart(void **state)
{
	struct acting *acting = *state;
	struct maze_record record;
	struct victim victim;

	start_victim_in("/web.service", &victim, &record);
	fake.way = FAKE_NEVER_ENDS;
	act_on_restart(acting, &record, &yes_stage, victim.pidfd);
	act_on_restart(acting, &record, &yes_stage, victim.pidfd);
	assert_logged(acting, "\"tried\":false,\"applied\":false");
	assert_logged(acting, "its unit web.service is being restarted already, since ");
	run_until_logged(acting, "systemd restarts unit web.service");
	assert_int_equal(fake.calls, 1);
	/* Another unit does not wait. */
	enter_cgroup(&cgroups, make_path("/other.service"), victim.pid);
	act_on_restart(acting, &record, &yes_stage, victim.pidfd);
	assert_int_equal(actions_restarts(acting->actions), 2);
	acting->restart_timeout_ns = 50 * MAZE_NSEC_PER_MSEC;
	reopen_with_grace(acting, acting->grace_ns);
	act_on_restart(acting, &record, &yes_stage, victim.pidfd);
	run_until_logged(acting, "has not ended after ");
	assert_int_equal(actions_restarts(acting->actions), 0);
	end_victim(&victim);
}

static void in_shadow_nothing_is_restarted(void **state)
{
	struct acting *acting = *state;
	struct maze_record record;
	struct victim victim;

	start_victim_in("/web.service", &victim, &record);
	record.flags |= MAZE_RECORD_SHADOW;
	act_on_restart(acting, &record, &yes_stage, victim.pidfd);
	assert_logged(acting, "shadow: would have restarted its unit web.service");
	act_on_restart(acting, &record, &now_stage, victim.pidfd);
	assert_logged(acting, "shadow: would have killed and restarted its unit web.service");
	assert_int_equal(fake.opened, 0);
	end_victim(&victim);
}

static void now_kills_what_was_there_before_the_restart(void **state)
{
	struct acting *acting = *state;
	struct victim old, later;
	struct maze_record record;

	start_victim_in("/web.service/worker", &old, &record);
	wait_for_later_start_times();
	fake.kill_mode = "control-group";
	fake.way = FAKE_REFUSES;
	act_on_restart(acting, &record, &now_stage, old.pidfd);
	run_until_logged(acting, "Unit not found");
	assert_false(pidfd_has_ended(old.pidfd));
	fake.way = FAKE_DONE;
	act_on_restart(acting, &record, &now_stage, old.pidfd);
	/* As if the unit had been restarted meanwhile. */
	start_victim(&later);
	enter_cgroup(&cgroups, make_path("/web.service/worker"), later.pid);
	run_until_logged(acting, "restarted its unit web.service in ");
	assert_logged(acting, ", with 1 process killed (KillMode=control-group)");
	waitpid(old.pid, NULL, 0);
	close(old.pidfd);
	assert_false(pidfd_has_ended(later.pidfd));
	end_victim(&later);
}

static void now_kills_as_the_units_kill_mode_has_it(void **state)
{
	static const struct {
		const char *mode, *logged;
		bool main, other; /* are killed */
	} cases[] = {
		{ "none", "with 0 processes killed (KillMode=none)", false, false },
		{ NULL, "with 0 processes killed (KillMode=unknown)", false, false },
		{ "odd", "with 0 processes killed (KillMode=unknown)", false, false },
		{ "process", "with 1 process killed (KillMode=process)", true, false },
		{ "mixed", "with 2 processes killed (KillMode=mixed)", true, true },
	};
	struct acting *acting = *state;
	struct victim leader, other;
	struct maze_record record;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		start_victim_in("/web.service/worker", &other, &record);
		start_victim_in("/web.service", &leader, &record);
		wait_for_later_start_times();
		fake.kill_mode = cases[i].mode;
		fake.main_pid = leader.pid;
		act_on_restart(acting, &record, &now_stage, leader.pidfd);
		run_until_logged(acting, cases[i].logged);
		assert_int_equal(truncate(acting->log_path, 0), 0);
		if (cases[i].main)
			waitpid(leader.pid, NULL, 0);
		if (cases[i].other)
			waitpid(other.pid, NULL, 0);
		assert_int_equal(pidfd_has_ended(leader.pidfd), cases[i].main);
		assert_int_equal(pidfd_has_ended(other.pidfd), cases[i].other);
		/* The main process that the manager has is not in the unit. */
		if (!cases[i].main) {
			enter_cgroup(&cgroups, make_path("/other.service"), leader.pid);
			fake.kill_mode = "process";
			record = record_of(other.pid, other.tid);
			act_on_restart(acting, &record, &now_stage, other.pidfd);
			run_until_logged(acting, "with 0 processes killed (KillMode=process)");
			assert_int_equal(truncate(acting->log_path, 0), 0);
			assert_false(pidfd_has_ended(leader.pidfd));
			end_victim_but_pidfd(&leader);
		}
		if (!cases[i].other)
			end_victim_but_pidfd(&other);
		close(leader.pidfd);
		close(other.pidfd);
	}
}

/* A user could let mazed look at new processes without end. */
static void now_looks_at_a_bounded_number_of_processes(void **state)
{
	struct acting *acting = *state;
	struct maze_record record;
	struct victim old;
	maze_u64 began_ns;
	const char *path;
	int ends[2], i;
	pid_t parent;
	char byte;

	start_victim_in("/web.service/worker", &old, &record);
	wait_for_later_start_times();
	fake.kill_mode = "control-group";
	began_ns = boot_now_ns();
	act_on_restart(acting, &record, &now_stage, old.pidfd);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	path = make_path("/web.service");
	parent = fork();
	if (!parent) {
		enter_cgroup(&cgroups, path, getpid());
		dup2(ends[1], STDOUT_FILENO);
		/* A shell that executes nothing forks a thousand times in a second. */
		execl("/bin/sh", "sh", "-c",
		      "sleep 240 | { exec 3<&0; for i in $(seq 1024); do read -r x <&3 & done; "
		      "echo; wait; }",
		      NULL);
		_exit(1);
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	close(ends[0]);
	if (boot_now_ns() - began_ns > BUS_TIMEOUT_NS * 4 / 5)
		skip_because("this machine forks 1024 processes too slowly for a request");
	run_until_logged(acting, "with 0 processes killed, not all (KillMode=control-group)");
	assert_false(pidfd_has_ended(old.pidfd));
	i = cgroup_open(&cgroups, path);
	assert_int_equal(cgroup_write(i, "cgroup.kill", "1"), 0);
	close(i);
	waitpid(parent, NULL, 0);
	waitpid(old.pid, NULL, 0);
	close(old.pidfd);
}

static void a_thread_that_has_ended_restarts_nothing(void **state)
{
	struct acting *acting = *state;
	struct maze_record record;
	struct victim victim;

	start_victim_in("/web.service", &victim, &record);
	end_victim_but_pidfd(&victim);
	act_on_restart(acting, &record, &yes_stage, victim.pidfd);
	close(victim.pidfd);
	assert_logged(acting, "nothing done: the thread has ended");
	assert_int_equal(fake.opened, 0);
}

static void a_group_is_restarted_by_its_id(void **state)
{
	static const struct string_list none;
	struct acting *acting = *state;
	struct maze_record record;
	struct victim victim;
	struct act_on on;
	int fd;

	start_victim_in("/web.service", &victim, &record);
	fd = cgroup_open(&cgroups, make_path("/web.service"));
	record.cgroup_id = cgroup_id(fd) + 1;
	close(fd);
	record.pid = record.tid = 0;
	record.flags |= MAZE_SCOPE_CGROUP << MAZE_RECORD_SCOPE_SHIFT;
	on = act_on_of(&record, &yes_stage, -1);
	on.no_restart = &none;
	on.cgroup = make_path("/web.service");
	actions_perform(acting->actions, &on);
	assert_logged(acting, "the cgroup no longer exists");
	record.cgroup_id--;
	actions_perform(acting->actions, &on);
	run_until_logged(acting, "restarted its unit web.service in ");
	end_victim(&victim);
}

/* ---- units of users -------------------------------------------------------------------- */

static int on_accept(sd_event_source *source, int fd, uint32_t events, void *arg)
{
	int connection = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)source;
	(void)events;
	assert_true(connection >= 0);
	fake_serve(arg, connection);
	return 0;
}

/* A manager of user 0, which is this test. */
static sd_event_source *listen_as_user(struct acting *acting, const char *directory)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	sd_event_source *source = NULL;
	char path[108];

	assert_true(snprintf(path, sizeof(path), "%s/0", users_run) < 100);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%.90s/0/%s", users_run, directory);
	mkdir(path, 0700);
	snprintf(address.sun_path, sizeof(address.sun_path), "%.90s/private", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_true(sd_event_add_io(acting->event, &source, fd, EPOLLIN, on_accept, &fake) >= 0);
	sd_event_source_set_io_fd_own(source, true);
	return source;
}

static void a_unit_of_a_user_is_restarted_by_his_manager(void **state)
{
	static const struct {
		enum fake_way way;
		const char *logged;
	} cases[] = {
		{ FAKE_DONE, "restarted its unit app.service of user id 0 in " },
		{ FAKE_REFUSES, "of user id 0: Unit not found: xxx" },
		{ FAKE_LONG_REFUSAL, "of user id 0: Unit not found: xxx" },
		{ FAKE_OTHER_TYPE, "the answer of systemd is malformed" },
		{ FAKE_CLOSES, "could not restart its unit app.service of user id 0: " },
		{ FAKE_BYTES, "could not restart its unit app.service of user id 0: " },
		{ FAKE_CLOSES_LATER, "so its result is unknown" },
		{ FAKE_BAD_SIGNAL, "has not ended after " },
		{ FAKE_SILENT, "has not ended after " },
	};
	struct acting *acting = *state;
	struct maze_record record;
	struct victim victim;
	sd_event_source *listener;
	size_t i;

	start_victim_in("/user@0.service/app.slice/app.service", &victim, &record);
	listener = listen_as_user(acting, "systemd");
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(truncate(acting->log_path, 0), 0);
		acting->restart_timeout_ns =
			cases[i].way >= FAKE_SILENT && strstr(cases[i].logged, "not ended")
				? 300 * MAZE_NSEC_PER_MSEC
				: 0;
		reopen_with_grace(acting, acting->grace_ns);
		fake.way = cases[i].way;
		act_on_restart(acting, &record, &yes_stage, victim.pidfd);
		run_until_logged(acting, cases[i].logged);
		assert_int_equal(actions_restarts(acting->actions), 0);
		fake_leave(&fake);
	}
	assert_int_equal(fake.opened, 0);
	sd_event_source_disable_unref(listener);
	end_victim(&victim);
}

/* The loop does not run meanwhile, so no restart ends. */
static void a_user_with_hanging_restarts_leaves_a_place_for_others(void **state)
{
	struct acting *acting = *state;
	struct maze_record record;
	struct victim victim;
	char path[64];
	int i;

	start_victim_in("/user@1.service/1.service", &victim, &record);
	for (i = 0; i < RESTARTS_OF_USERS_MAX; i++) {
		snprintf(path, sizeof(path), "/user@%d.service/%d.service",
			 1 + i / RESTARTS_OF_USER_MAX, 1 + i % RESTARTS_OF_USER_MAX);
		enter_cgroup(&cgroups, make_path(path), victim.pid);
		act_on_restart(acting, &record, &yes_stage, victim.pidfd);
	}
	assert_int_equal(actions_restarts(acting->actions), RESTARTS_OF_USERS_MAX);
	enter_cgroup(&cgroups, make_path("/user@5.service/1.service"), victim.pid);
	record.flags |= MAZE_RECORD_SHADOW;
	act_on_restart(acting, &record, &yes_stage, victim.pidfd);
	assert_int_equal(count_logged(acting, "gives way"), 0);
	record.flags &= ~MAZE_RECORD_SHADOW;
	act_on_restart(acting, &record, &yes_stage, victim.pidfd);
	assert_int_equal(actions_restarts(acting->actions), RESTARTS_OF_USERS_MAX);
	assert_logged(acting, "the restart of its unit 1.service of user id 1 gives way");
	/* A user with as many as others has to wait. */
	enter_cgroup(&cgroups, make_path("/user@2.service/5.service"), victim.pid);
	act_on_restart(acting, &record, &yes_stage, victim.pidfd);
	enter_cgroup(&cgroups, make_path("/user@1.service/5.service"), victim.pid);
	act_on_restart(acting, &record, &yes_stage, victim.pidfd);
	assert_int_equal(count_logged(acting, "16 restarts run already"), 2);
	assert_int_equal(count_logged(acting, "gives way"), 1);
	end_victim(&victim);
}

/* A user could lead mazed to the system manager by a link. */
static void a_socket_that_is_not_the_users_is_not_used(void **state)
{
	struct acting *acting = *state;
	struct maze_error error = { "" };
	sd_event_source *listener;
	char path[160];

	if (geteuid())
		skip_because("only root has the directories of root");
	listener = listen_as_user(acting, "elsewhere");
	snprintf(path, sizeof(path), "%s/0/systemd", users_run);
	assert_int_equal(user_manager_connect(users_run, 0, &error), -ENOENT);
	assert_int_equal(symlink("elsewhere", path), 0);
	assert_int_equal(user_manager_connect(users_run, 0, &error), -ELOOP);
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/0/systemd/private", users_run);
	assert_int_equal(symlink("../elsewhere/private", path), 0);
	assert_int_equal(user_manager_connect(users_run, 0, &error), -EPERM);
	unlink(path);
	close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	assert_int_equal(user_manager_connect(users_run, 0, &error), -EPERM);
	unlink(path);
	sd_event_source_disable_unref(listener);
	/* The names are those of user 1000, but another user listens. */
	listener = listen_as_user(acting, "systemd");
	snprintf(path, sizeof(path), "%s/0", users_run);
	assert_int_equal(user_manager_connect(users_run, 0, &error) < 0, 0);
	assert_int_equal(chown(path, 1000, 1000), 0);
	assert_int_equal(user_manager_connect(users_run, 0, &error), -EPERM);
	sd_event_source_disable_unref(listener);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, start_restarting, stop_restarting)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cgroup_has_a_target_or_a_reason),
		T(a_unit_is_restarted_and_the_result_is_logged),
		T(a_job_that_never_ends_is_left_and_blocks_no_later_restart),
		T(in_shadow_nothing_is_restarted),
		T(now_kills_what_was_there_before_the_restart),
		T(now_kills_as_the_units_kill_mode_has_it),
		T(now_looks_at_a_bounded_number_of_processes),
		T(a_thread_that_has_ended_restarts_nothing),
		T(a_group_is_restarted_by_its_id),
		T(a_unit_of_a_user_is_restarted_by_his_manager),
		T(a_user_with_hanging_restarts_leaves_a_place_for_others),
		T(a_socket_that_is_not_the_users_is_not_used),
	};

	if (cgroup_fs_open(&cgroups, NULL))
		cgroups.fd = -1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
