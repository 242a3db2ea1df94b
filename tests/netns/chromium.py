# SPDX-License-Identifier: GPL-2.0-only
"""A headless Chromium in a namespace, led by its debugging pipe: pages as people see them."""
import base64
import json
import os
import time

READY_S = 30
ANSWER_S = 20


class Chromium:
    """One browser with one page. A context manager; its profile lies in the network's folder."""

    def __init__(self, net, namespace):
        self.messages = []  # events that came while an answer was waited for
        self._number = 0
        self._rest = b""
        to_browser, self._send = os.pipe()
        self._receive, from_browser = os.pipe()
        profile = net.path("chromium")
        # The browser reads descriptor 3 and writes 4, wherever they are now.
        command = f"exec chromium \"$@\" 3<&{to_browser} 4>&{from_browser}"
        with open(net.path("chromium.log"), "wb") as log:
            self.process = net.keep(namespace.start(
                "bash", "-c", command, "bash", "--headless=new", "--remote-debugging-pipe",
                "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                "--disable-background-networking", "--disable-component-update",
                "--disable-extensions", "--hide-scrollbars", f"--user-data-dir={profile}",
                "about:blank", stdin=-3, stdout=log, stderr=log,
                pass_fds=(to_browser, from_browser)))
        os.close(to_browser)
        os.close(from_browser)
        target = self._call("Target.createTarget", {"url": "about:blank"}, timeout=READY_S)
        self._session = self._call("Target.attachToTarget", {
            "targetId": target["targetId"], "flatten": True})["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        os.close(self._send)  # the end of the pipe is the end of the browser
        self.process.wait(10)
        os.close(self._receive)

    # ---- the pipe ----

    def _read(self, deadline):
        while b"\0" not in self._rest:
            assert time.monotonic() < deadline, "chromium does not answer"
            data = os.read(self._receive, 1 << 20)
            assert data, "chromium has ended"
            self._rest += data
        message, _nul, self._rest = self._rest.partition(b"\0")
        return json.loads(message)

    def _call(self, method, parameters=None, timeout=ANSWER_S, **more):
        self._number += 1
        request = {"id": self._number, "method": method, "params": parameters or {}, **more}
        os.write(self._send, json.dumps(request).encode() + b"\0")
        deadline = time.monotonic() + timeout
        while True:
            message = self._read(deadline)
            if message.get("id") == self._number:
                assert "error" not in message, f"{method}: {message['error']}"
                return message["result"]
            self.messages.append(message)

    def call(self, method, **parameters):
        """One command of the DevTools protocol to the page."""
        return self._call(method, parameters, sessionId=self._session)

    # ---- the page ----

    def look(self, width, height, dark=False, scripts=True):
        """The next page is seen like this."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=width < 600)
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.call("Emulation.setScriptExecutionDisabled", value=not scripts)

    def open(self, url):
        self.messages = []
        self.call("Page.navigate", url=url)
        deadline = time.monotonic() + ANSWER_S
        while not any(message.get("method") == "Page.loadEventFired" for message in self.messages):
            self.messages.append(self._read(deadline))

    def value(self, expression):
        """What an expression gives in the page; works where the page's own scripts are off, too."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True,
                           awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def complaints(self):
        """What the browser said of the page: errors of scripts, of the policy, of loading."""
        self.value("1")
        return [message["params"] for message in self.messages
                if message.get("method") in ("Log.entryAdded", "Runtime.exceptionThrown")]

    def requests(self):
        """Every address that the page has asked for."""
        return [message["params"]["request"]["url"] for message in self.messages
                if message.get("method") == "Network.requestWillBeSent"]

    def screenshot(self, path, until):
        """The page from its top down to the element that the selector names."""
        width, height = self.value(
            f"[innerWidth, document.querySelector('{until}').getBoundingClientRect().top]")
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True,
                         clip={"x": 0, "y": 0, "width": width, "scale": 1,
                               "height": height})
        with open(path, "wb") as file:
            file.write(base64.b64decode(data["data"]))
