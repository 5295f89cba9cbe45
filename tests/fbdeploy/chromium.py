"""Headless Chromium driven over its debugging pipe (Chrome DevTools Protocol, NUL-ended JSON)."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Page:
    """What a page did when it was opened, and its picture (PNG)."""

    requests: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    screenshot: bytes = b""
    values: dict[str, Any] = field(default_factory=dict)


class Browser:
    """One browser with one tab."""

    def __init__(self, write_end: int, read_end: int) -> None:
        self._write, self._read = write_end, read_end
        self._buffer, self._next = b"", 0
        self._session = ""
        self.events: list[dict[str, Any]] = []
        self.media = ""  # "print": as on paper
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Network", "Log", "Runtime"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Send one command and wait for its answer."""
        self._next += 1
        message = {"id": self._next, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._next:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def wait_for(self, method: str) -> None:
        """Wait until the event has happened since the last ``open``."""
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self._receive())

    def _receive(self, timeout: float = 60.0) -> dict[str, Any]:
        end = time.monotonic() + timeout
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._read], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                raise TimeoutError("Chromium does not answer")
            chunk = os.read(self._read, 1 << 16)
            if not chunk:
                raise RuntimeError("Chromium ended")
            self._buffer += chunk
        message, self._buffer = self._buffer.split(b"\0", 1)
        return json.loads(message)

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page, of a promise once it is kept."""
        answer = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def open(self, url: str, width: int, scheme: str, values: dict[str, str]) -> Page:
        """Load ``url`` at ``width`` CSS pixels and evaluate the expressions in ``values``."""
        self.events.clear()
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=width < 500,
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", media=self.media, features=features)
        self.call("Page.navigate", url=url)
        self.wait_for("Page.loadEventFired")
        page = Page()
        for name, expression in values.items():
            page.values[name] = self.evaluate(expression)
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        page.screenshot = base64.b64decode(shot["data"])
        for event in self.events:
            params = event.get("params", {})
            if event.get("method") == "Network.requestWillBeSent":
                page.requests.append(params["request"]["url"])
            elif event.get("method") == "Log.entryAdded":
                page.problems.append(params["entry"]["text"])
            elif event.get("method") == "Runtime.exceptionThrown":
                page.problems.append(str(params["exceptionDetails"]))
            elif event.get("method") == "Runtime.consoleAPICalled":
                page.problems.append(str(params["args"]))
        return page


@contextlib.contextmanager
def browser(executable: str) -> Iterator[Browser]:
    """Start a browser with a profile of its own and end it afterwards."""
    to_child, from_us = os.pipe()
    to_us, from_child = os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        arguments = [
            executable,
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--hide-scrollbars",
            "--remote-debugging-pipe",
            f"--user-data-dir={profile}",
        ]
        # Chromium reads commands from descriptor 3 and answers on 4.
        shell = f'exec "$@" 3<&{to_child} 4>&{from_child}'
        process = subprocess.Popen(
            ["bash", "-c", shell, "chromium", *arguments],
            pass_fds=(to_child, from_child),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_child)
        os.close(from_child)
        try:
            yield Browser(from_us, to_us)
        finally:
            process.terminate()
            process.wait(timeout=30)
            os.close(from_us)
            os.close(to_us)


def url_of(path: Path) -> str:
    """The file URL of a path."""
    return path.resolve().as_uri()
