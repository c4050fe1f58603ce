"""Debian's Chromium without a window, driven through chromedriver's WebDriver (W3C) over plain HTTP."""
import base64
import json
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--no-first-run", "--disable-dev-shm-usage",
         "--autoplay-policy=no-user-gesture-required", "--mute-audio")
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key that the standard prescribes
KEYS = {"left": "\ue012", "right": "\ue014", "down": "\ue015", "backspace": "\ue003", "tab": "\ue004"}


def why_absent() -> str:
    """Why there is no browser; empty where there is one."""
    missing = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    return f"{' and '.join(missing)} not installed; Debian: apt-get install chromium chromium-driver" if missing else ""


class Browser:
    """`with Browser(folder) as browser:` a fresh one; what it downloads lies in `folder`."""

    def __init__(self, downloads: Path) -> None:
        self._downloads = downloads
        self._profile = Path(tempfile.mkdtemp(prefix="chromium-"))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._root = f"http://127.0.0.1:{free.getsockname()[1]}"
        self._driver: subprocess.Popen | None = None
        self._session = ""

    def __enter__(self) -> "Browser":
        port = self._root.rpartition(":")[2]
        self._driver = subprocess.Popen(["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, start_new_session=True)
        self._await_driver()
        options = {
            "args": [*FLAGS, f"--user-data-dir={self._profile}"],
            "prefs": {"download.default_directory": str(self._downloads), "download.prompt_for_download": False},
        }
        wanted = {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options,
                                  "goog:loggingPrefs": {"browser": "ALL"}}}
        self._session = self._call("POST", "/session", {"capabilities": wanted})["sessionId"]
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            if self._session:
                self._call("DELETE", f"/session/{self._session}")
        finally:
            self._driver.send_signal(signal.SIGTERM)
            self._driver.wait(20)
            shutil.rmtree(self._profile, ignore_errors=True)

    def open(self, page: Path) -> None:
        """Load a file and wait for it."""
        self._post("url", {"url": page.resolve().as_uri()})

    def run(self, script: str, *arguments: Any) -> Any:
        """What the body of a function returns; promises are waited for."""
        wrapped = (f"const given = [...arguments], done = given.pop(); (async () => {{ {script} }})()"
                   ".then((value) => done({value}), (fault) => done({fault: `${fault}`}))")
        answer = self._post("execute/async", {"script": wrapped, "args": list(arguments)})
        assert "fault" not in answer, answer["fault"]
        return answer.get("value")

    def await_true(self, script: str, seconds: float = 10.0) -> None:
        """Until the expression holds."""
        end = time.monotonic() + seconds
        while not self.run(f"return Boolean({script});"):
            assert time.monotonic() < end, f"{script} did not come true in {seconds} s"
            time.sleep(0.05)

    def click(self, selector: str) -> None:
        """As a mouse does it, once the page has scrolled there."""
        self.run("document.querySelector(given[0]).scrollIntoView({behavior: 'instant', block: 'center'}); return 1;",
                 selector)
        self._post(f"element/{self._find(selector)}/click", {})

    def press(self, keys: str, selector: str | None = None) -> None:
        """Type into an element, or into what has the focus."""
        if selector is not None:
            self._post(f"element/{self._find(selector)}/value", {"text": keys})
            return
        strokes = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self._post("actions", {"actions": [{"type": "key", "id": "keyboard", "actions": strokes}]})

    def console(self) -> list[str]:
        """What was written to the console since the last call."""
        return [f"{entry['level']} {entry['message']}" for entry in self._post("se/log", {"type": "browser"})]

    def resize(self, width: int, height: int, *, scheme: str = "light", motion: str = "no-preference") -> None:
        """The size of the page in px, and what the system prefers."""
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                 mobile=width < 500)
        self.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme},
                                                         {"name": "prefers-reduced-motion", "value": motion}])

    def picture(self) -> bytes:
        """What is seen, PNG."""
        return base64.b64decode(self._call("GET", f"/session/{self._session}/screenshot"))

    def cdp(self, command: str, **parameters: Any) -> Any:
        """A command of Chrome's own protocol."""
        return self._post("goog/cdp/execute", {"cmd": command, "params": parameters})

    def _find(self, selector: str) -> str:
        return self._post("element", {"using": "css selector", "value": selector})[_ELEMENT]

    def _post(self, what: str, body: dict[str, Any]) -> Any:
        return self._call("POST", f"/session/{self._session}/{what}", body)

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._root + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as fault:
            raise AssertionError(json.load(fault)["value"]["message"].split("\n")[0]) from None

    def _await_driver(self) -> None:
        end = time.monotonic() + 60
        while True:
            try:
                if self._call("GET", "/status")["ready"]:
                    return
            except OSError:
                assert time.monotonic() < end, "chromedriver does not answer"
                time.sleep(0.1)
