#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Eight real programs, each with a load and a spinner. To be sourced after helper.bash.
#
#   load_NAME STEP LOAD  runs one of three steps of a load, for $step_s seconds
#   plant_NAME           makes the program spin, and returns
#
# Loads a and b differ in sizes, concurrency and seeds. Both have quiet and busy steps: the
# limits of maze suggest hold for days like those that were seen.
# shellcheck shell=bash
# shellcheck disable=SC2154 # helper.bash sets the variables
# shellcheck disable=SC2034,SC2317 # for the scripts that source it

eight=(postgres nginx redis build npm python java sshd)
build_group=user.slice/maze-build.scope
npm_group=user.slice/maze-npm.scope
sshd_group=system.slice/maze-sshd.service
declare -A group_of=([postgres]=$postgres_group [nginx]=$nginx_group [redis]=$redis_group
	[build]=$build_group [npm]=$npm_group [python]=$python_group [java]=$java_group
	[sshd]=$sshd_group)

# for_step_in GROUP COMMAND...: runs it until the step ends.
for_step_in() {
	local group=$1
	shift
	(in_group "$group" timeout -k 5 "$step_s" "$@") < /dev/null >> "$work/out" 2>&1 || [ $? -eq 124 ] ||
		{ tail -n 20 "$work/out" >&2; die "failed: $*"; }
}

for_step() { for_step_in "$user_group" "$@"; }

# request PAGE PATH: sends a request to the server of that page, and does not wait.
request() {
	local address=${1#http://}

	address=${address%%/*}
	printf 'GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n' "$2" > "/dev/tcp/${address%:*}/${address#*:}"
}

# wrk_step URL "THREADS CONNECTIONS"
wrk_step() {
	local threads connections

	read -r threads connections <<< "$2"
	for_step wrk -t "$threads" -c "$connections" -d "${step_s}s" "$1"
}

# ---- PostgreSQL

load_postgres() {
	local a=('-c 2 --random-seed=1' '-c 8 -j 2 --random-seed=2' '-S -c 16 -j 2 --random-seed=3')
	local b=('-S -c 4 --random-seed=4' '-N -c 12 -j 2 --random-seed=5' '-c 6 -j 2 --random-seed=6')
	local -n steps=$2
	local options

	read -ra options <<< "${steps[$1]}"
	for_step "$postgres/pgbench" "${database[@]}" "${options[@]}" -T "$step_s" postgres
}

plant_postgres() {
	# shellcheck disable=SC2016 # for PostgreSQL to read
	start_in "$user_group" "$postgres/psql" "${database[@]}" -c 'DO $$ BEGIN LOOP END LOOP; END $$' postgres
}

# ---- nginx: a request whose path backtracks in one regular expression after the other, a
# tenth of a second each

prepare_nginx() {
	local i

	mkdir "$work/nginx.d"
	{
		echo 'location /spin/ {'
		for ((i = 0; i < 5000; i++)); do
			echo 'location ~ ^/spin/(a|aa)+$ { }'
		done
		echo '}'
	} > "$work/nginx.d/spin"
}

load_nginx() {
	local a=('1 4' '2 64' '2 300') b=('1 20' '2 250' '1 100')
	local -n steps=$2

	wrk_step "$nginx_page" "${steps[$1]}"
}

plant_nginx() { request "$nginx_page" /spin/aaaaaaaaaaaaaaaaaaaaaaaaaaa!; }

# ---- redis

load_redis() {
	local a=('-c 1 -t set,get,lpush' '-c 8 -P 4 -t set,get,lrange_100' '-c 50 -P 16 -r 10000 -t set,get')
	local b=('-c 30 -P 8 -d 100 -t set,get,lrange_100' '-c 3 -d 1000 -t set,get' '-c 5 -P 12 -r 5000 -t sadd,hset')
	local -n steps=$2
	local options

	read -ra options <<< "${steps[$1]}"
	for_step redis-benchmark -s "$work/redis" -q -l "${options[@]}"
}

plant_redis() { start_in "$user_group" redis-cli -s "$work/redis" EVAL 'while true do end' 0; }

# ---- a C build, and a file that includes itself twice, to a depth of 190

load_build() {
	local a=(-O0 '-O2 -g' -O3) b=('-O1 -g' -Os -O2)
	local -n steps=$2

	# shellcheck disable=SC2016 # for the inner shell to expand
	for_step_in "$build_group" env CCACHE_DISABLE=1 bash -ec 'while :; do
		rm -rf "$0"
		make -s -j 2 -C "$1" BUILD="$0" CFLAGS="$2" build
	done' "$work/built" "$top" "${steps[$1]}"
}

plant_build() {
	mkdir -p "$work/endless"
	cat > "$work/endless/endless.c" <<-END
		#if __INCLUDE_LEVEL__ < 190
		#include "endless.c"
		#include "endless.c"
		#endif
	END
	start_in "$build_group" make -C "$work/endless" CC="$(command -v gcc gcc-12 | head -n 1)" endless.o
}

# ---- npm, and a package with a script that never ends

# Packages as files, because the network decides how long the other kind takes.
make_packages() {
	"$python" - "$@" <<-'END'
		import io, json, os, random, sys, tarfile
		directory, packages, files, size = sys.argv[1], *map(int, sys.argv[2:])
		os.makedirs(directory)
		def add(tar, name, text):
		    entry = tarfile.TarInfo("package/" + name)
		    entry.size = len(text)
		    tar.addfile(entry, io.BytesIO(text.encode()))
		names = ["package-%d" % i for i in range(packages)]
		for name in names:
		    with tarfile.open("%s/%s.tgz" % (directory, name), "w:gz") as tar:
		        add(tar, "package.json", json.dumps({"name": name, "version": "1.0.0"}))
		        for i in range(files):
		            lines = random.Random(i).choices("abcdefgh;\n", k=size)
		            add(tar, "lib/%d.js" % i, "".join(lines))
		json.dump({"name": "all", "version": "1.0.0",
		           "dependencies": {name: "file:%s.tgz" % name for name in names}},
		          open(directory + "/package.json", "w"))
	END
}

prepare_npm() {
	make_packages "$work/npm-a0" 4 100 2000
	make_packages "$work/npm-a1" 20 40 4000
	make_packages "$work/npm-a2" 40 20 1000
	make_packages "$work/npm-b0" 10 60 3000
	make_packages "$work/npm-b1" 30 25 1500
	make_packages "$work/npm-b2" 6 90 2500
	mkdir "$work/npm-spin"
	echo 'for (;;);' > "$work/npm-spin/loop.js"
	echo '{ "name": "spin", "version": "1.0.0", "scripts": { "postinstall": "node loop.js" } }' \
		> "$work/npm-spin/package.json"
}

npm_install=(env HOME="$work" npm install --no-audit --no-fund --offline --no-package-lock --cache cache)

load_npm() {
	# shellcheck disable=SC2016 # for the inner shell to expand
	for_step_in "$npm_group" bash -ec 'cd "$0"; while :; do
		rm -rf node_modules cache
		"$@"
	done' "$work/npm-$2$1" "${npm_install[@]}"
}

plant_npm() { start_in "$npm_group" env -C "$work/npm-spin" "${npm_install[@]}"; }

# ---- Python and Java: a coroutine and a thread of the pool that loop

load_python() {
	local a=('1 1' '1 64' '2 300') b=('1 8' '2 200' '1 30')
	local -n steps=$2

	wrk_step "$python_page" "${steps[$1]}"
}

plant_python() { request "$python_page" /spin; }

load_java() {
	local a=('1 2' '1 32' '2 300') b=('2 200' '1 6' '1 60')
	local -n steps=$2

	wrk_step "$java_page" "${steps[$1]}"
}

plant_java() { request "$java_page" /spin; }

# ---- sshd: logins and data, and a user name on which a pattern never ends

ssh=()

prepare_sshd() {
	local home=$work/ssh ids key

	# That user has no shell, so it gets a second name, in this mount namespace only.
	ids=$("${as_nobody[@]}" id -u):$("${as_nobody[@]}" id -g)
	{ echo "maze-ssh:x:$ids::$home:/bin/sh" && cat /etc/passwd; } > "$work/passwd"
	mount --bind "$work/passwd" /etc/passwd
	install -d -o nobody -m 700 "$home"
	for key in host user; do
		"${as_nobody[@]}" ssh-keygen -q -t ed25519 -N '' -f "$home/$key"
	done
	free_port ssh_port
	cat > "$work/sshd.conf" <<-END
		ListenAddress 127.0.0.1:$ssh_port
		HostKey $home/host
		AuthorizedKeysFile $home/user.pub
		PidFile none
		StrictModes no
		UsePAM no
		MaxStartups 100
		LoginGraceTime 0
		Match User *a*a*a*a*a*a*a*a*a*a*a*a*b
	END
	ssh=("${as_nobody[@]}" ssh -F none -i "$home/user" -p "$ssh_port" -o BatchMode=yes
		-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR 127.0.0.1)
}

start_sshd() {
	start_in "$sshd_group" "${as_nobody[@]}" "$(command -v sshd)" -D -e -f "$work/sshd.conf"
	eventually "${ssh[@]}" -l maze-ssh true
}

load_sshd() {
	local a=('head -c 1000 /dev/zero' 'head -c 30M /dev/zero' 'head -c 300M /dev/zero')
	local b=('head -c 150M /dev/zero' 'echo' 'head -c 3M /dev/zero')
	local -n steps=$2

	# shellcheck disable=SC2016 # for the inner shell to expand
	for_step bash -ec 'while :; do "$@" > /dev/null; done' ssh "${ssh[@]}" -l maze-ssh "${steps[$1]}"
}

plant_sshd() {
	start_in "$user_group" "${ssh[@]}" -l "$(printf 'a%.0s' {1..60})" true
}
