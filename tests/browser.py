"""Debian's Chromium over a pipe: what a page does when somebody opens it. Beyond the standard library it needs axe-core alone."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import contextmanager
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHROMIUM = shutil.which("chromium")
# Told before the page's own first line runs.
WATCH = """addEventListener("securitypolicyviolation", (event) => console.error("policy " + event.violatedDirective + " " + event.blockedURI));
addEventListener("error", (event) => console.error("error " + event.message), true);"""


class Browser:
    """One tab; `seen` collects dialogs, requests, and what the page said to its console."""

    def __init__(self, send: int, receive: int) -> None:
        """Speak through two pipes."""
        self._send = send
        self._receive = os.fdopen(receive, "rb", buffering=0)
        self._held = b""
        self._count = 0
        self._session = ""
        self._loads = 0
        self.seen: list[tuple[str, str]] = []

    def start(self) -> Self:
        """Open the tab."""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.ask(f"{domain}.enable")
        self.ask("Page.addScriptToEvaluateOnNewDocument", source=WATCH)
        return self

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and return its answer; what happens meanwhile is noted."""
        self._count += 1
        told = {"id": self._count, "method": method, "params": parameters} | ({"sessionId": self._session} if self._session else {})
        os.write(self._send, json.dumps(told).encode() + b"\0")
        while True:
            found = self._next()
            if found.get("id") == self._count:
                assert "error" not in found, found
                answer: dict[str, Any] = found["result"]
                return answer

    def open(self, page: Path | str) -> None:
        """Open a file, or an address of this machine, and wait until it is loaded."""
        with self.loading():
            self.ask("Page.navigate", url=page if isinstance(page, str) else page.as_uri())

    @contextmanager
    def loading(self) -> Iterator[None]:
        """Wait until the page is loaded that is asked for in here."""
        before = self._loads
        yield
        while self._loads == before:
            self._next()

    def value(self, expression: str) -> Any:
        """Return what an expression gives in the page, as JSON can hold it; a promise is waited for."""
        answer = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def barriers(self) -> list[str]:
        """Return what axe-core says keeps people out of the page: the rule, and the elements."""
        self.value(files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8") + ";0")
        found = self.value(
            "axe.run().then((one) => one.violations.map((each) => [each.id, ...each.nodes.slice(0, 5).map((node) => node.html)]))"
        )
        return [" ".join(one) for one in found]

    def press(self, key: str, code: int = 0, text: str = "") -> None:
        """Press and release a key."""
        for kind in ("keyDown", "keyUp"):
            self.ask(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                windowsVirtualKeyCode=code,
                **({"text": text} if text and kind == "keyDown" else {}),
            )

    def picture(self, *, wide: int, high: int, dark: bool = False) -> bytes:
        """Return the page as PNG."""
        self.ask("Emulation.setDeviceMetricsOverride", width=wide, height=high, deviceScaleFactor=1, mobile=False)
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        return base64.b64decode(self.ask("Page.captureScreenshot", format="png")["data"])

    def close(self) -> None:
        """Let go of the pipes."""
        os.close(self._send)
        self._receive.close()

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._held:
            piece = self._receive.read(1 << 20)
            assert piece, "the browser has ended"
            self._held += piece
        raw, _, self._held = self._held.partition(b"\0")
        found: dict[str, Any] = json.loads(raw)
        self._note(found.get("method", ""), found.get("params", {}))
        return found

    def _note(self, method: str, told: dict[str, Any]) -> None:
        match method:
            case "Page.loadEventFired":
                self._loads += 1
            case "Page.javascriptDialogOpening":
                self.seen.append(("dialog", told["message"]))
                self._count += 1
                answer = {
                    "id": self._count,
                    "method": "Page.handleJavaScriptDialog",
                    "params": {"accept": False},
                    "sessionId": self._session,
                }
                os.write(self._send, json.dumps(answer).encode() + b"\0")
            case "Network.requestWillBeSent":
                self.seen.append(("request", told["request"]["url"]))
            case "Runtime.consoleAPICalled":
                self.seen.append(("console", str(told["args"][0].get("value"))))
            case "Runtime.exceptionThrown" | "Log.entryAdded":
                self.seen.append(("log", json.dumps(told)[:500]))


@contextmanager
def browsing() -> Iterator[Browser]:
    """Give a browser without a profile of its own, and end it."""
    assert CHROMIUM
    there, send = os.pipe()
    receive, back = os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [
            CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--remote-debugging-pipe",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--disable-background-networking", "--disable-component-update", f"--user-data-dir={profile}",
        ]  # fmt: skip

        def place() -> None:
            # Chromium reads commands from 3 and writes answers to 4; both are moved out of the way first.
            low, high = os.dup2(there, 63), os.dup2(back, 64)
            os.dup2(low, 3)
            os.dup2(high, 4)

        process = subprocess.Popen(
            command,
            preexec_fn=place,  # noqa: PLW1509 - it only moves two descriptors
            close_fds=False,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(there)
        os.close(back)
        browser = Browser(send, receive)
        try:
            yield browser.start()
        finally:
            browser.close()
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
