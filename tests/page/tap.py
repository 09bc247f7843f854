# SPDX-License-Identifier: GPL-2.0-only
"""Prints TAP."""

import sys


class Tests:
    def __init__(self):
        self.count = 0
        self.failed = 0

    def equal(self, what, got, wanted):
        self.true(what, got == wanted, "got %r, wanted %r" % (got, wanted))

    def true(self, what, held, otherwise=""):
        self.count += 1
        if held:
            print("ok %d - %s" % (self.count, what))
        else:
            self.failed += 1
            print("not ok %d - %s" % (self.count, what))
            print("# " + str(otherwise).replace("\n", "\n# "))
        sys.stdout.flush()
        return held
