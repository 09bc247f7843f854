# SPDX-License-Identifier: GPL-2.0-only
"""
A headless Chromium, controlled through the pipe of its DevTools protocol: no driver, no port,
no library. All its files are in a directory that is removed with it.
"""

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

# Long, because the machine may be busy; a browser that hangs reaches it.
PATIENCE_S = 120

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-default-apps", "--disable-extensions", "--no-default-browser-check",
    "--hide-scrollbars", "--remote-debugging-pipe",
]


class BrowserError(Exception):
    pass


class Browser:
    """One browser with one page; a context manager."""

    def __init__(self, program):
        self.home = tempfile.mkdtemp(prefix="maze-page-")
        to_child, self.out = os.pipe()
        self.inp, from_child = os.pipe()
        # Away from descriptors 3 and 4, which Chromium uses.
        ends = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in (to_child, from_child)]

        def arrange():
            os.dup2(ends[0], 3)
            os.dup2(ends[1], 4)

        self.log = open(os.path.join(self.home, "log"), "wb")
        self.child = subprocess.Popen(
            [program] + FLAGS + ["--user-data-dir=" + os.path.join(self.home, "profile"),
                                 "about:blank"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, preexec_fn=arrange,
            close_fds=False, env=dict(os.environ, HOME=self.home))
        for fd in (to_child, from_child, *ends):
            os.close(fd)
        self.number = 0
        self.rest = b""
        self.events = []
        self.session = None
        self.attach()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        try:
            self.send("Browser.close", session=False)
        except (BrowserError, OSError):
            pass
        os.close(self.out)
        try:
            self.child.wait(10)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        os.close(self.inp)
        self.log.close()
        shutil.rmtree(self.home, ignore_errors=True)

    def attach(self):
        targets = self.send("Target.getTargets", session=False)["targetInfos"]
        page = [target for target in targets if target["type"] == "page"][0]
        self.session = self.send("Target.attachToTarget", session=False,
                                 targetId=page["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(domain + ".enable")

    def receive(self, deadline):
        """The next message."""
        while b"\0" not in self.rest:
            if not select.select([self.inp], [], [], max(0, deadline - time.monotonic()))[0]:
                raise BrowserError("the browser does not answer")
            data = os.read(self.inp, 1 << 20)
            if not data:
                with open(os.path.join(self.home, "log"), "rb") as log:
                    raise BrowserError("the browser has ended: %r" % log.read()[-2000:])
            self.rest += data
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def send(self, method, session=True, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if session:
            message["sessionId"] = self.session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.out, data):]
        deadline = time.monotonic() + PATIENCE_S
        while True:
            answer = self.receive(deadline)
            if answer.get("id") == self.number:
                break
            self.events.append(answer)
        if "error" in answer:
            raise BrowserError("%s: %s" % (method, answer["error"]["message"]))
        return answer["result"]

    def wait_for(self, method):
        for event in self.events:
            if event.get("method") == method:
                return
        deadline = time.monotonic() + PATIENCE_S
        while True:
            event = self.receive(deadline)
            self.events.append(event)
            if event.get("method") == method:
                return

    def open(self, path, width=1280, height=900, dark=False, script=True, touch=False):
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=touch)
        self.send("Emulation.setTouchEmulationEnabled", enabled=touch)
        self.send("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.send("Emulation.setScriptExecutionDisabled", value=not script)
        self.send("Page.navigate", url="about:blank")
        self.evaluate("1")
        self.events = []
        url = path if "://" in path else "file://" + os.path.abspath(path)
        self.send("Page.navigate", url=url)
        self.wait_for("Page.loadEventFired")
        if script:
            self.settle()

    def settle(self):
        """Waits two frames, after which the effects of a resize or an event are visible."""
        self.evaluate("new Promise(done => requestAnimationFrame(() => "
                      "requestAnimationFrame(() => done(1))))")

    def wait_until(self, expression):
        """Waits until an expression is true."""
        deadline = time.monotonic() + PATIENCE_S
        while not self.evaluate(expression):
            if time.monotonic() > deadline:
                raise BrowserError("never true: %s; the page has: %s" % (
                    expression, self.evaluate("document.body.innerText")))
            time.sleep(0.1)

    def evaluate(self, expression):
        result = self.send("Runtime.evaluate", expression=expression, returnByValue=True,
                           awaitPromise=True)
        if "exceptionDetails" in result:
            raise BrowserError("%s: %s" % (expression, result["exceptionDetails"]))
        return result["result"].get("value")

    def key(self, key, text=None):
        for kind in ("keyDown", "keyUp"):
            params = {"type": kind, "key": key}
            if text and kind == "keyDown":
                params["text"] = text
            self.send("Input.dispatchKeyEvent", **params)

    def type(self, text):
        self.send("Input.insertText", text=text)

    def complaints(self):
        """The messages of the console, the log and exceptions."""
        said = []
        for event in self.events:
            if event.get("method") in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled"):
                said.append(json.dumps(event["params"])[:500])
            elif event.get("method") == "Log.entryAdded":
                said.append(event["params"]["entry"]["text"])
        return said

    def requests(self):
        """The addresses of all requests."""
        return [event["params"]["request"]["url"] for event in self.events
                if event.get("method") == "Network.requestWillBeSent"]

    def screenshot(self, path):
        size = self.send("Page.getLayoutMetrics")["cssContentSize"]
        data = self.send("Page.captureScreenshot", captureBeyondViewport=True, clip={
            "x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1})
        with open(path, "wb") as out:
            out.write(base64.b64decode(data["data"]))

    def pdf(self, path):
        data = self.send("Page.printToPDF", preferCSSPageSize=True, printBackground=False)
        with open(path, "wb") as out:
            out.write(base64.b64decode(data["data"]))
