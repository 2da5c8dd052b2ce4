"""The console, started as an operator starts it: `star87 web`."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import httpx

from tests.support.node import STAR87, Node
from tests.support.until import until

ADMIN_PASSWORD = "the administrator's own"
READY_WITHIN_S = 20.0
STOP_WITHIN_S = 10.0


class Web:
    """A context in which a console serves; its output is in `folder`. redis: another store than the node's."""

    def __init__(
        self,
        node: Node,
        folder: Path,
        *,
        redis: str = "",
        has_admin: bool = True,
        more: tuple[str, ...] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._out, self._err = folder / "web.out", folder / "web.err"
        self._environment = {key: value for key, value in os.environ.items() if not key.startswith("STAR87_")}
        if has_admin:
            secret = folder / "admin-password"
            secret.touch(0o600)
            secret.write_text(ADMIN_PASSWORD + "\n")
            self._environment["STAR87_WEB_ADMIN_PASSWORD_FILE"] = str(secret)
        self._environment.update(environment or {})
        place = ("--redis", redis) if redis else ("--run-dir", str(node.folder), "--node", node.name)
        self._environment["TMPDIR"] = str(folder)
        self.folder = folder
        self._command = [str(STAR87), "web", "--listen", "127.0.0.1:0", *place, *more]

    def __enter__(self) -> Web:
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=self._environment
            )
        try:
            until(
                lambda: self._out.read_text().startswith("ready") or self._process.poll() is not None,
                within_s=READY_WITHIN_S,
                what=lambda: f"the console's `ready`; it said {self._err.read_text()!r}",
            )
            assert self._process.poll() is None, self._err.read_text()
        except BaseException:
            self.stop()
            raise
        self.url = self._out.read_text().split()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> int:
        """End it as Ctrl-C would, and return its exit status."""
        if self._process.poll() is None:
            self._process.terminate()
        try:
            return self._process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def said(self) -> str:
        """All of its output."""
        return self._out.read_text() + self._err.read_text()

    def client(self, user: str = "", password: str = "", **more: object) -> httpx.Client:
        """A CTI client with these credentials; without any, one that sends none."""
        if user:
            more["auth"] = httpx.BasicAuth(user, password)
        return httpx.Client(base_url=self.url, timeout=10, trust_env=False, **more)  # type: ignore[arg-type]
