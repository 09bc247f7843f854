# SPDX-License-Identifier: GPL-2.0-only
"""Programs that run for a test, a wait for a condition, and queries to Prometheus."""

import json
import math
import os
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

MAZED = os.environ.get("MAZED", "build/mazed")
EXPORTER = os.environ.get("EXPORTER", "build/maze-exporter")
SPIN = os.path.join(os.environ.get("PROGRAMS", "build/tests/programs"), "spin")
PROMETHEUS = "127.0.0.1:9090"
PATIENCE_S = 60


class Programs:
    """They and their output are in `where`, and stop() ends them."""

    def __init__(self, where):
        self.where = where
        self.running = []

    def path(self, name):
        return os.path.join(self.where, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def start(self, command, name="out"):
        with open(self.path(name), "a", encoding="utf-8") as out:
            self.running.append(subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                env=dict(os.environ, RUNTIME_DIRECTORY=self.path(name + ".run"))))
        return self.running[-1]

    def start_prometheus(self, config, *options):
        self.start(["prometheus", "--config.file", self.write("prometheus.yml", config),
                    "--storage.tsdb.path", self.path("data"), "--web.listen-address", PROMETHEUS]
                   + list(options), "prometheus.out")

    def print_output(self):
        for name in sorted(os.listdir(self.where)):
            if name.endswith("out"):
                with open(self.path(name), encoding="utf-8") as file:
                    print("# %s: %s" % (name, file.read()[-2000:].replace("\n", "\n# ")))

    def stop(self):
        for child in self.running:
            child.kill()
            child.wait()


def wait_until(holds):
    """What `holds` returned when it was true, or False after a minute and ten tries."""
    deadline = time.monotonic() + PATIENCE_S
    tries = 0
    while tries < 10 or time.monotonic() < deadline:
        result = holds()
        if result:
            return result
        tries += 1
        time.sleep(0.2)
    return False


def get(path, **query):
    """Data of the API of Prometheus, or None; an answer with an error is raised."""
    url = "http://%s/api/v1/%s?%s" % (PROMETHEUS, path, urllib.parse.urlencode(query))
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
            return json.load(answer)["data"]
    except urllib.error.HTTPError as error:
        if error.code == 503:
            return None
        raise ValueError(error.read().decode()) from error
    except OSError:
        return None


def numbers(expr):
    """The values that an expression has now, without NaN."""
    result = (get("query", query=expr) or {"result": []})["result"]
    return [float(one["value"][1]) for one in result if math.isfinite(float(one["value"][1]))]


def is_rightly_late(labels):
    """Whether the alert is MazeVerdictsLate of a host that has a late verdict. A pause of the
    machine that counts as CPU time makes one."""
    return labels["alertname"] == "MazeVerdictsLate" and numbers(
        'maze_verdict_lateness_seconds_count{scope="thread", instance="%s"} - ignoring (le) '
        'maze_verdict_lateness_seconds_bucket{scope="thread", le="0.1"} > 0' % labels["instance"]) != []


def firing():
    """The labels of the alerts that fire, without MazeVerdictsLate where it is right."""
    return [alert["labels"] for alert in (get("alerts") or {"alerts": []})["alerts"]
            if alert["state"] == "firing" and not is_rightly_late(alert["labels"])]
