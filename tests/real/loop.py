# SPDX-License-Identifier: GPL-2.0-only
"""A thread in an endless loop, beside one that wakes ten times a second and waits for the
interpreter lock. The loop releases the lock and then waits for it."""

import threading
import time

HEARTBEAT_S = 0.1


def retry_for_ever() -> None:
    attempts = 0
    while True:
        attempts += 1


threading.Thread(target=retry_for_ever, name="worker", daemon=True).start()
while True:
    time.sleep(HEARTBEAT_S)
