#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""usage: read_metrics.py openmetrics|prometheus < TEXT

A strict parser of the two text formats, by their specifications. Prints "SERIES VALUE"
lines, and fails at the first fault.
"""

import re
import sys

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
LABELS = r'(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*",?)*'
SAMPLE = re.compile(r"(%s)(\{%s\})? (-?[0-9]+(?:\.[0-9]+)?(?:e-?[0-9]+)?|\+Inf)" % (NAME, LABELS))
SUFFIXES = {
    "openmetrics": {"counter": ["_total"], "gauge": [""], "info": ["_info"],
                    "histogram": ["_bucket", "_count", "_sum"]},
    "prometheus": {"counter": [""], "gauge": [""], "histogram": ["_bucket", "_count", "_sum"]},
}


def fail(number, why):
    sys.exit("line %d: %s" % (number, why))


def check_buckets(number, buckets):
    for series, values in buckets.items():
        if values[-1][0] != "+Inf" or values != sorted(values, key=lambda v: float(v[0])):
            fail(number, "the buckets of %s are not in order" % series)
        if [v[1] for v in values] != sorted(v[1] for v in values):
            fail(number, "the buckets of %s are not cumulative" % series)


def read(lines, form):
    family, kind, families, series, buckets = None, None, set(), set(), {}
    for number, line in enumerate(lines, 1):
        if line == "# EOF":
            if form != "openmetrics" or number != len(lines):
                fail(number, "# EOF is not here")
            break
        if line.startswith("# HELP "):
            family, kind = line.split(" ", 3)[2], None
            if family in families or not re.fullmatch(NAME, family):
                fail(number, "the family %s comes twice, or has no valid name" % family)
            families.add(family)
        elif line.startswith("# TYPE "):
            name, kind = line.split(" ")[2:]
            if name != family or kind not in SUFFIXES[form]:
                fail(number, "an unknown type, or of another family")
            if form == "prometheus" and (kind == "counter") != name.endswith("_total"):
                fail(number, "a counter, and only a counter, ends with _total")
        elif line.startswith("# UNIT "):
            name, unit = line.split(" ")[2:]
            if form != "openmetrics" or name != family or not name.endswith("_" + unit):
                fail(number, "the unit is not the last word of the family")
        else:
            sample = SAMPLE.fullmatch(line)
            if not sample or not kind:
                fail(number, "neither a sample nor a comment: %r" % line)
            name, labels, value = sample.groups()
            if name not in [family + suffix for suffix in SUFFIXES[form][kind]]:
                fail(number, "a sample of another family: %s" % name)
            if (name, labels) in series:
                fail(number, "a series comes twice: %s" % line)
            series.add((name, labels))
            if name.endswith("_bucket"):
                le = re.search(r'le="([^"]*)"', labels).group(1)
                buckets.setdefault(re.sub(r',?le="[^"]*"', "", labels), []).append((le, int(value)))
            if kind == "counter" and float(value) < 0:
                fail(number, "a counter below 0")
            print(line)
    else:
        if form == "openmetrics":
            fail(len(lines), "no # EOF")
    check_buckets(len(lines), buckets)
    if not series:
        fail(len(lines), "no series")


TEXT = sys.stdin.read()
if not TEXT.endswith("\n"):
    sys.exit("the last line has no end")
read(TEXT[:-1].split("\n"), sys.argv[1])
