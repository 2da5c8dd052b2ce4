"""A real rtpengine of one's own: on loopback, in userspace, ended by its process id."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.support.bencode import decode, encode
from tests.support.ports import LOOPBACK, free_port, own_block
from tests.support.until import until

PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/bin"
ADDRESS = f"127.0.0.{40 + own_block().number}"
"""Where it relays: an address that no phone of a test has, nor the relay of another process."""
READY_WITHIN_S = 10.0
ANSWER_WITHIN_S = 1.0


class RtpEngine:
    """A context in which one rtpengine runs; its log is in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "rtpengine.log"
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def address(self) -> str:
        """As the setting `rtpengine` takes it."""
        return f"udp:{LOOPBACK}:{self.port}"

    def __enter__(self) -> RtpEngine:
        try:
            self.start()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> None:
        """Start it, without any call; returns when it answers. Raises AssertionError with its log when it does not."""
        program = shutil.which("rtpengine", path=PATH)
        assert program is not None, "rtpengine is not installed"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(program, "--config-file=none", "--foreground", "--log-stderr", "--log-level=6"),
                    # In userspace, no kernel module; no file but the log.
                    *("--table=-1", f"--interface={ADDRESS}", f"--listen-ng={LOOPBACK}:{self.port}"),
                    *("--num-threads=2", "--media-num-threads=1", "--recording-method=pcap"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        until(self._answers, within_s=READY_WITHIN_S, what=lambda: f"rtpengine; its log: {self.log.read_text()}")

    def kill(self) -> None:
        """End it at once, as a crash would."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def freeze(self) -> None:
        """Let it hang: it answers nothing, until `thaw`."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)

    def calls(self) -> list[str]:
        """Call-IDs of the calls that it has."""
        return list(self.asks("list", limit=1000)["calls"])

    def relayed(self) -> int:
        """How many calls it has had."""
        return self.log.read_text(errors="replace").count(": [core] Creating new call")

    def asks(self, command: str, **more: Any) -> dict[str, Any]:
        """Its answer to a command of the ng protocol. Raises TimeoutError."""
        cookie = secrets.token_hex(4).encode()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.settimeout(ANSWER_WITHIN_S)
            asking.connect((LOOPBACK, self.port))
            words = {name.replace("_", "-"): value for name, value in more.items()}
            asking.send(cookie + b" " + encode({"command": command, **words}))
            said_to, _, answer = asking.recv(65535).partition(b" ")
        assert said_to == cookie
        found: dict[str, Any] = decode(answer)
        return found

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text(errors="replace")
        try:
            return bool(self.asks("ping")["result"] == "pong")
        except (TimeoutError, ConnectionRefusedError):
            return False
