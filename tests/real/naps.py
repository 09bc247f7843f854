# SPDX-License-Identifier: GPL-2.0-only
"""A thread that is 95 % busy until it has used 10 s of CPU by its own clock: it sleeps 1 ms
after each 19 ms of CPU.

    naps.py sleep           in nanosleep(2)
    naps.py condition       in a timed wait for a condition variable
"""

import sys
import threading
import time

WORK_NS = 19_000_000
NAP_S = 0.001
TOTAL_NS = 10_000_000_000


def wait_for_condition() -> None:
    with condition:
        condition.wait(NAP_S)


condition = threading.Condition()
nap = wait_for_condition if sys.argv[1] == "condition" else lambda: time.sleep(NAP_S)
while time.thread_time_ns() < TOTAL_NS:
    until_ns = time.thread_time_ns() + WORK_NS
    while time.thread_time_ns() < until_ns:
        pass
    nap()
