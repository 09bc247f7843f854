#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What tests/real/suggest reads from files of maze.

    suggested.py risk STREAKS         the risk that the rule of three permits
    suggested.py table STREAKS RULES RULES-OF-LOW-RISK LATER-STREAKS LOG
                                      a row for each program
    suggested.py loops STREAKS RULES  fails if a limit was learnt from a loop
    suggested.py record RECORD        a verdict in a few words
    suggested.py pid RECORD
"""

import fnmatch
import json
import math
import re
import sys

MONTH_S = 30.44 * 86400
# The programs of each of the eight; the first one is made to spin.
PROGRAMS = {
    "postgres": ["postgres"],
    "nginx": ["nginx"],
    # One file with several names.
    "redis": ["redis-server", "redis-check-rdb"],
    "build": ["cc1", "as", "*-as", "ld", "*-ld.*", "ld.*", "collect2", "*gcc*", "clang*", "make"],
    "npm": ["node*"],
    "python": ["python*"],
    "java": ["java"],
    "sshd": ["sshd"],
}


def load(path):
    with open(path) as file:
        return json.load(file)


def risk(path):
    seconds = sum(day["seconds"] for day in load(path)["days"])
    return math.ceil(3 * MONTH_S / seconds)


class Advice:
    """The part of a rule file about one program."""

    def __init__(self, text):
        self.text = text
        match = re.search(r"^# (.*): streaks: ", text, re.M)
        self.program = match and match[1]
        self.active = re.search(r"^\[rule (.*)\]$", text, re.M)
        self.name = self.active and self.active[1]
        self.suspicious = "SUSPICIOUS" in text
        self.model = "tail fit" if "Model: tail fit" in text else "rule of three"
        if "action = ignore" in text:
            self.model = "ignore"

    def limit(self, key):
        match = re.search(r"^(# )?%s = (.*)$" % key, self.text, re.M)
        if not match:
            return "-"
        return "(%s)" % match[2] if match[1] else match[2]

    def soft_s(self):
        """0: no rule in force."""
        units = {"ms": 0.001, "s": 1, "min": 60, "h": 3600, "d": 86400}
        if not self.active or self.limit("soft") == "-":
            return 0
        parts = re.findall(r"([0-9.]+)([a-z]+)", self.limit("soft"))
        return sum(float(number) * units[unit] for number, unit in parts)


def advice_of(path):
    with open(path) as file:
        parts = [Advice(text) for text in file.read().split("\n\n")]
    return {part.program: part for part in parts}


def chosen(observation, name):
    """The classes of one of the eight, the longest streak first."""
    classes = [
        c
        for pattern in PROGRAMS[name]
        for c in observation["classes"]
        if fnmatch.fnmatch(c["program"], pattern)
    ]
    return sorted(classes, key=longest, reverse=True)


def longest(streaks):
    return max((streaks[key] or {"ns": 0})["ns"] for key in ("longest", "running"))


def seconds(ns):
    return "%.3g s" % (ns / 1e9) if ns >= 1e9 else "%.3g ms" % (ns / 1e6)


def table(before, rules, low, after, log):
    advice, at_low_risk = advice_of(rules), advice_of(low)
    later = {c["program"]: c for c in load(after)["classes"]}
    verdicts = {}
    with open(log) as file:
        for line in file:
            record = json.loads(line)
            if record.get("event") in ("soft", "hard"):
                verdicts[record.get("rule")] = verdicts.get(record.get("rule"), 0) + 1
    print("| | program | streaks | longest in a | model | soft | hard | soft at --risk 0.01 | longest in b | verdicts in b |")
    print("|---" * 10 + "|")
    for name in PROGRAMS:
        for c in chosen(load(before), name):
            part = advice.get(c["program"], Advice(""))
            in_b = later.get(c["program"])
            columns = [
                name,
                c["program"],
                "%d" % c["streaks"],
                seconds(longest(c)),
                part.model if part.active else "too rare",
                part.limit("soft"),
                part.limit("hard"),
                at_low_risk.get(c["program"], Advice("")).limit("soft"),
                seconds(longest(in_b)) if in_b else "-",
                "%d" % verdicts.get(part.name, 0) if part.active else "-",
            ]
            print("| %s |" % " | ".join(columns))
    for rule in verdicts:
        print("# records of rule %s: %d" % (rule, verdicts[rule]))


def loops(observed, rules):
    """Each loop is named as suspicious, or its limit is not above it."""
    observation, advice, learnt = load(observed), advice_of(rules), False
    for name in PROGRAMS:
        found = chosen(observation, name)
        # Without a loop, none of them has such a streak, or is hardly ever asleep.
        found = [c for c in found if longest(c) >= 1e9] or [c for c in found if c["awake"]]
        if not found:
            print("# %s: no loop was observed" % name)
            learnt = True
            continue
        part = advice.get(found[0]["program"], Advice(""))
        streak = longest(found[0])
        bad = part.model == "ignore" or (not part.suspicious and part.soft_s() * 1e9 > streak)
        learnt |= bad
        print(
            "# %s: a loop of %s, %s, soft limit %s%s"
            % (
                name,
                seconds(streak),
                "named as suspicious" if part.suspicious else "not named",
                part.limit("soft"),
                ": LEARNT AS NORMAL" if bad else "",
            )
        )
    return learnt


def main(command, *arguments):
    if command == "risk":
        print(risk(*arguments))
    elif command == "table":
        table(*arguments)
    elif command == "loops":
        sys.exit(loops(*arguments))
    elif command == "record":
        record = json.loads(arguments[0])
        print(
            "%s of %s, limit %s, rule %s"
            % (record["event"], record["comm"], seconds(record["limit_ns"]), record["rule"])
        )
    elif command == "pid":
        print(json.loads(arguments[0])["pid"])


main(*sys.argv[1:])
