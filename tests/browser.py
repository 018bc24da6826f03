"""A real browser without a window, spoken to over a pipe: what a page asks for, and how it lies on screen and paper."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Self

_OPTIONS = (
    "--headless=new",
    "--no-sandbox",  # tests may run as root
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--remote-debugging-pipe",
)


class Browser:
    """One page of a running browser."""

    def __init__(self, write: int, read: int) -> None:
        self._write, self._read, self._buffer = write, read, b""
        self._numbers, self._session = count(1), ""
        self.requests: list[str] = []
        """What the page asked for, by address."""
        self.loaded = 0

    @classmethod
    @contextmanager
    def started(cls, folder: Path) -> Iterator[Self]:
        """A browser whose profile lies in that folder."""
        its_read, our_write = os.pipe()
        our_read, its_write = os.pipe()
        command = f'exec chromium "$@" 3<&{its_read} 4>&{its_write}'
        arguments = [
            "bash",
            "-c",
            command,
            "chromium",
            *_OPTIONS,
            f"--user-data-dir={folder / 'profile'}",
            "about:blank",
        ]
        environment = {**os.environ, "HOME": os.fspath(folder)}
        with subprocess.Popen(
            arguments,
            pass_fds=(its_read, its_write),
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            os.close(its_read)
            os.close(its_write)
            browser = cls(our_write, our_read)
            try:
                browser._attach()
                yield browser
            finally:
                process.kill()
                os.close(our_write)
                os.close(our_read)

    def open(self, file: Path, *, dark: bool = False, width: int = 1200, printed: bool = False) -> None:
        """Load a page as a reader with these wishes sees it."""
        wishes = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.ask("Emulation.setEmulatedMedia", media="print" if printed else "screen", features=wishes)
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self.requests.clear()
        before = self.loaded
        self.ask("Page.navigate", url=file.as_uri())
        while self.loaded == before:
            self._take(self._receive())

    def measure(self, script: str) -> Any:  # noqa: ANN401 - what the script finds
        """What a script finds in the page."""
        found = self.ask("Runtime.evaluate", expression=f"(() => {{{script}}})()", returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def names_of_pictures(self) -> list[str]:
        """The names by which a screen reader knows the pictures of the page."""
        self.ask("Accessibility.enable")
        nodes = self.ask("Accessibility.getFullAXTree")["nodes"]
        pictures = [node for node in nodes if node.get("role", {}).get("value") in {"image", "img"}]
        return [str(node.get("name", {}).get("value", "")) for node in pictures]

    def printed(self) -> bytes:
        """The page as a PDF document on A4."""
        done = self.ask(
            "Page.printToPDF", preferCSSPageSize=True, paperWidth=8.27, paperHeight=11.69, printBackground=True
        )
        return base64.b64decode(done["data"])

    def screenshot(self) -> bytes:
        """The whole page as a PNG, for somebody who looks at it."""
        return base64.b64decode(self.ask("Page.captureScreenshot", captureBeyondViewport=True)["data"])

    def ask(self, method: str, **parameters: object) -> dict[str, Any]:
        """Have the browser do something; its answer."""
        number = next(self._numbers)
        said = {"id": number, "method": method, "params": parameters}
        os.write(
            self._write, json.dumps(said | ({"sessionId": self._session} if self._session else {})).encode() + b"\0"
        )
        while True:
            message = self._receive()
            if message.get("id") == number:
                assert "error" not in message, message
                return {**message["result"]}
            self._take(message)

    def _attach(self) -> None:
        pages = [one for one in self.ask("Target.getTargets")["targetInfos"] if one["type"] == "page"]
        target = pages[0]["targetId"] if pages else self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime"):
            self.ask(f"{domain}.enable")

    def _take(self, message: dict[str, Any]) -> None:
        if message.get("method") == "Network.requestWillBeSent":
            self.requests.append(message["params"]["request"]["url"])
        self.loaded += message.get("method") == "Page.loadEventFired"

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            piece = os.read(self._read, 1 << 20)
            assert piece, "the browser has ended"
            self._buffer += piece
        text, _, self._buffer = self._buffer.partition(b"\0")
        return {**json.loads(text)}
