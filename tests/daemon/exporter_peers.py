#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""
usage: exporter_peers.py EXPORTER DIR

Starts maze-exporter with a socket, as systemd does, without mazed. Then come clients that
send garbage, never read, or are many, and a mazed that is not what it should be. Beside
each a well-behaved client must get its answer, and memory and descriptors stay bounded.
Prints a line of figures for each; exit status 1: a bound was exceeded.
"""

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time

EXPORTER, DIR = sys.argv[1:]
CONTROL = os.path.join(DIR, "control.sock")
INCIDENTS = os.path.join(DIR, "incidents")
GROUP_ID = "20260101T000000Z-77-cgroup-1"
listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
PORT = listener.getsockname()[1]
# Well above what is measured (23 MiB, 54 descriptors), and what a leak exceeds at once.
RSS_MAX_KIB = 48 << 10
ENTRIES = 100000
with open(EXPORTER, "rb") as program:
    if b"__asan_init" in program.read():
        RSS_MAX_KIB = 1 << 20  # ASan keeps freed memory
        # It takes seconds of CPU time for 100,000; the exporter waits 30 s for an answer.
        ENTRIES = 10000
FILES_MAX = 100
# Beside other suites on a busy machine; most answers take a millisecond.
PATIENCE_S = 60


def connect(blocking=True):
    made = socket.socket()
    made.settimeout(PATIENCE_S if blocking else 0)
    try:
        made.connect(("127.0.0.1", PORT))
    except BlockingIOError:
        pass
    return made


def send_all(text, reads):
    """Sends bytes and, if `reads`, returns the whole answer, which ends with the connection."""
    client = connect()
    answer = b""
    try:
        client.sendall(text)
        while reads and (chunk := client.recv(65536)):
            answer += chunk
    except OSError:
        pass  # ended by the server, in the middle of garbage
    client.close()
    return answer


def get(path="/"):
    """What a well-behaved client gets, and the milliseconds until then."""
    begin = time.monotonic()
    client = http.client.HTTPConnection("127.0.0.1", PORT, timeout=PATIENCE_S)
    client.request("GET", path)
    answer = client.getresponse()
    answer.read()
    client.close()
    return answer.status, (time.monotonic() - begin) * 1000


def state():
    client = http.client.HTTPConnection("127.0.0.1", PORT, timeout=PATIENCE_S)
    client.request("GET", "/state")
    text = client.getresponse().read()
    client.close()
    return json.loads(text)


def rss_kib():
    with open("/proc/%d/status" % child.pid, encoding="ascii") as status:
        return int(next(line for line in status if line.startswith("VmRSS:")).split()[1])


def files():
    return len(os.listdir("/proc/%d/fd" % child.pid))


def cpu_ms():
    with open("/proc/%d/stat" % child.pid, encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1000 // os.sysconf("SC_CLK_TCK")


def garbage():
    """Requests that are none, or that nothing serves, and a part of the expected answers."""
    long = b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"
    host = b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    for text, wanted in (
            (os.urandom(4096), None), (b"\0" * 4096, None), (long, None), (b"GET", None),
            (b"GET /" + host + b"X: " + b"y" * 100000 + b"\r\n\r\n", None),
            (b"GET / HTTP/1.1\r\n\r\n", b" 400"), (b"GET / HTTP/1.0\r\n\r\n", b" 421"),
            (b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", b" 421"),
            (b"GET / HTTP/1.1\r\nHost: localhost.evil.example\r\n\r\n", b" 421"),
            (b"GET / HTTP/1.1\r\nHost: localhost:80:80\r\n\r\n", b" 421"),
            (b"GET / HTTP/1.1\r\nHost: [::1]:11140\r\nConnection: close\r\n\r\n", b" 200"),
            (b"POST /state" + host + b"Content-Length: 1\r\n\r\nx", b" 405"),
            (b"DELETE /incidents/x" + host + b"\r\n", b" 405"),
            (b"GET /" + host + b"Content-Length: 999999999999\r\n\r\n", b" 413"),
            (b"GET /" + host + b"Transfer-Encoding: chunked\r\n\r\n", b" 413"),
            (b"GET /incidents/../../etc/passwd" + host + b"\r\n", b" 404"),
            (b"GET /incidents/..%2f..%2fetc%2fpasswd" + host + b"\r\n", b" 404"),
            (b"GET /incidents/%2e%2e/x%00" + host + b"\r\n", b" 404"),
            (b"GET /../etc/passwd" + host + b"\r\n", b" 404"),
            (b"GET /incidents/link" + host + b"\r\n", b" 404"),
            (b"GET /incidents/fifo" + host + b"\r\n", b" 404"),
            (b"GET /incidents/huge" + host + b"\r\n", b" 500"),
            (b"HEAD /state" + host + b"\r\n", b" 200"),
            (b"GET /incidents?q=%3Cscript%3E" + host + b"\r\n", b'value="&lt;script&gt;"')):
        answer = send_all(text, bool(wanted))
        if wanted and wanted not in answer:
            sys.exit("%r got %r, wanted %r" % (text[:60], answer[:200], wanted))
        if b"root:x:" in answer:
            sys.exit("%r got a file of the system" % text[:60])


def never_read():
    """Clients that request the list of incidents again and again, and read nothing."""
    made = [connect() for _ in range(40)]
    for client in made:
        client.setblocking(False)
        try:
            while True:
                client.send(b"GET /incidents HTTP/1.1\r\nHost: localhost\r\n\r\n" * 50)
        except OSError:
            pass
    return made


def half_requests():
    made = [connect() for _ in range(40)]
    for client in made:
        client.sendall(b"GET / HTTP/1.1\r\nHost: local")
    return made


def crowd():
    return [connect(blocking=False) for _ in range(1000)]


# ---- the other side: what listens at the control socket

def silent(client):
    client.recv(4096)
    return True


def not_json(client):
    client.sendall(b"220 smtp.example ESMTP\r\n")


def endless_line(client):
    client.sendall(b"x" * (1 << 20))


def refuses(client):
    client.sendall(b'{"ok":false,"errno":"EUSERS","text":"too many connections"}\n')


def closes(client):
    client.recv(4096)


def many_entries(client):
    """A machine with 100,000 watches."""
    for line in client.makefile("rb"):
        if b"status" in line:
            client.sendall(b'{"ok":true,"version":"x","engine":"bpf","rules":1}\n')
        elif b"list" in line:
            client.sendall(b'{"ok":true,"engine":"bpf"}\n')
            for number in range(0, ENTRIES, 1000):
                client.sendall(b"".join(
                    b'{"entry":{"pid":0,"tid":%d,"comm":"\\u202e<b>","uid":0,"count_ns":%d,'
                    b'"soft_ns":200000,"hard_ns":400000}}\n' % (tid, tid)
                    for tid in range(number, number + 1000)))
            client.sendall(b'{"ok":true,"done":true}\n')


def endless_metrics(client):
    for _ in client.makefile("rb"):
        while True:
            client.sendall(b'{"metrics":"%s"}\n' % (b"x" * 60000))


def control_group(client):
    """A control group that is past its limit."""
    for line in client.makefile("rb"):
        if b"list" in line:
            client.sendall(b'{"ok":true,"engine":"bpf"}\n{"groups":[{"scope":"cgroup","pid":0,'
                           b'"cgroup_id":77,"name":"/a","level_ns":3,"soft_ns":2,"fired":"soft"}]}\n'
                           b'{"ok":true,"done":true}\n')


class Mazed:
    """Listens at the control socket; a context manager."""

    def __init__(self, behave):
        self.behave = behave
        self.server = socket.socket(socket.AF_UNIX)
        self.clients = []

    def serve(self):
        try:
            while True:
                self.clients.append(self.server.accept()[0])
                threading.Thread(target=self.serve_one, args=(self.clients[-1],), daemon=True).start()
        except OSError:
            pass

    def serve_one(self, client):
        try:
            if not self.behave(client):
                client.close()
        except OSError:
            pass

    def __enter__(self):
        self.server.bind(CONTROL)
        os.chmod(CONTROL, 0o666)
        self.server.listen()
        threading.Thread(target=self.serve, daemon=True).start()

    def __exit__(self, *unused):
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()
        os.unlink(CONTROL)
        for client in self.clients:
            try:
                client.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # closed already
            client.close()


def state_until(holds):
    deadline = time.monotonic() + PATIENCE_S
    while not holds(got := state()):
        if time.monotonic() > deadline:
            sys.exit("never so: the state is %.500r" % got)
        time.sleep(0.1)
    return got


def start():
    """Passes the socket as systemd does, and takes the privileges of root away."""
    outside = os.path.join(DIR, "outside.json")
    with open(outside, "w", encoding="ascii") as file:
        json.dump({"version": 1, "id": "link", "records": [{"event": "soft"}], "stacks": None}, file)
    for name, make in (("link", lambda path: os.symlink(outside, path)),
                       ("fifo", os.mkfifo), ("huge", lambda path: open(path, "wb").truncate(1 << 30))):
        make(os.path.join(INCIDENTS, name + ".json"))
    with open(os.path.join(INCIDENTS, GROUP_ID + ".json"), "w", encoding="ascii"):
        pass

    def pass_socket():
        os.dup2(listener.fileno(), 3)
        if os.getuid() == 0:
            os.setgroups([])
            os.setresgid(65532, 65532, 65532)
            os.setresuid(65532, 65532, 65532)
    made = subprocess.Popen(["sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh", EXPORTER, "--socket", CONTROL,
                             "--incidents", INCIDENTS], pass_fds=(3,), preexec_fn=pass_socket,
                            env=dict(os.environ, LISTEN_FDS="1"), stderr=subprocess.DEVNULL)
    listener.close()
    return made


def report(name, begin_cpu, slowest):
    print("# %s: others wait %.0f ms at most; %d KiB, %d files, %d ms of CPU" % (
        name, slowest, rss_kib(), files(), cpu_ms() - begin_cpu))
    if rss_kib() > RSS_MAX_KIB or files() > FILES_MAX:
        sys.exit("a bound was exceeded")


def clients():
    for attack in (garbage, never_read, half_requests, crowd):
        before = cpu_ms()
        held = attack() or []
        answers = [get(path) for path in ("/", "/state", "/incidents") for _ in range(3)]
        if any(status != 200 for status, _ in answers):
            sys.exit("a well-behaved client got %r" % answers)
        report(attack.__name__, before, max(ms for _, ms in answers))
        for client in held:
            client.close()


def control_sockets():
    for behave, why in ((silent, "does not answer"), (not_json, "is not mazed"),
                        (endless_line, "is not mazed"), (refuses, "too many connections"),
                        (closes, "closed the connection"), (many_entries, None)):
        before = cpu_ms()
        with Mazed(behave):
            got = state_until(lambda got, why=why: (why or "") in (got["failure"] or "") and
                              (why or got["watched"]))
            answers = [get("/") for _ in range(3)]
            if why and get("/metrics")[0] != 503:
                sys.exit("metrics of a program that is not mazed")
        report(behave.__name__, before, max(ms for _, ms in answers))
    if got["watched"] != ENTRIES or len(got["entries"]) != 100 or \
            got["entries"][0]["tid"] != ENTRIES - 1 or got["entries"][0]["comm"] != "\\u{202e}<b>":
        sys.exit("of %d entries the state has %.500r" % (ENTRIES, got))
    with Mazed(control_group):
        got = state_until(lambda got: got["watched"] == 1)
    if got["entries"][0].get("incident") != GROUP_ID:
        sys.exit("the group has no incident in %.500r" % got)
    state_until(lambda got: "mazed does not run" in (got["failure"] or ""))
    time.sleep(1)  # the last answer is used for so long
    before = cpu_ms()
    with Mazed(endless_metrics):
        status, waited = get("/metrics")
        if status != 503:
            sys.exit("endless metrics")
        report("endless_metrics", before, waited)


child = start()
try:
    clients()
    control_sockets()
finally:
    child.terminate()
    try:
        child.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        child.kill()
        sys.exit("maze-exporter does not end")
    if child.returncode != 0:
        sys.exit("maze-exporter ended with %d" % child.returncode)
