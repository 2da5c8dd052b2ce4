"""Child processes that never outlive this one, and waiting for them and for signals at once."""

from __future__ import annotations

import contextlib
import ctypes
import os
import selectors
import signal
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from types import FrameType

from kemi.cli.log_lines import Pump, Scribe

PR_SET_PDEATHSIG = 1
CHILD_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_libc = ctypes.CDLL(None, use_errno=True)


def _die_with(parent: int, death_signal: signal.Signals) -> Callable[[], None]:
    def before_exec() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        # The parent may have died between fork and prctl; then no signal would ever come.
        if os.getppid() != parent:
            os._exit(1)

    return before_exec


class Child:
    """One process with a name for messages. The kernel ends it when this process ends, kill -9 included."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        log_path: str,
        environment: Mapping[str, str],
        death_signal: signal.Signals = signal.SIGTERM,
        scribe: Scribe | None = None,
    ) -> None:
        """Start it, with stdout and stderr appended to the file at log_path; raises OSError.

        scribe: how each line is written there; as it is said when there is none.

        It gets a process group of its own, so that Ctrl-C reaches this process alone, which then
        ends its children in the right order.
        """
        self.name = name
        log = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        if scribe is not None:
            source, pipe = os.pipe2(os.O_CLOEXEC)
            Pump(source, log, scribe).start()
            log = pipe
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={"PATH": CHILD_PATH, "LANG": "C.UTF-8", **environment},
                process_group=0,
                preexec_fn=_die_with(os.getpid(), death_signal),
            )
        finally:
            os.close(log)
        self.pidfd = os.pidfd_open(self._process.pid)

    @property
    def pid(self) -> int:
        return self._process.pid

    def ended(self) -> int | None:
        """Its exit status once it has ended (negative: by that signal), else None."""
        return self._process.poll()

    def stop(self, timeout_s: float) -> None:
        """End it by SIGTERM, and what is left of its group by SIGKILL after timeout_s seconds."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.close()

    def close(self) -> None:
        if self.pidfd >= 0:
            os.close(self.pidfd)
            self.pidfd = -1


class StopSignal:
    """SIGTERM, SIGINT and SIGHUP as something to wait for; a context that puts the old handlers back."""

    SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

    def __init__(self) -> None:
        self.times = 0
        self._awake, self._bell = socket.socketpair()
        self._awake.setblocking(False)
        self._bell.setblocking(False)

    @property
    def asked(self) -> bool:
        return self.times > 0

    def __enter__(self) -> StopSignal:
        # What was ignored (nohup, a shell's background job) stays ignored.
        heeded = [number for number in self.SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
        self._handlers = {number: signal.signal(number, self._ring) for number in heeded}
        self._old_bell = signal.set_wakeup_fd(self._bell.fileno(), warn_on_full_buffer=False)
        return self

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(self._old_bell)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._awake.close()
        self._bell.close()

    def _ring(self, _number: int, _frame: FrameType | None) -> None:
        self.times += 1

    def wait(self, timeout_s: float | None, children: Sequence[Child] = (), *, heard: int = 0) -> None:
        """Return when a stop was asked for, when a child has ended, or after timeout_s seconds (None: never).

        heard: how many times it was asked for before; only one more counts.
        """
        # First the bell, then the count: a signal in between is seen by one of the two.
        with contextlib.suppress(BlockingIOError):
            self._awake.recv(4096)
        if self.times > heard:
            return
        with selectors.DefaultSelector() as selector:
            selector.register(self._awake, selectors.EVENT_READ)
            for child in children:
                selector.register(child.pidfd, selectors.EVENT_READ)
            selector.select(timeout_s)
