"""Finding a node of this host: the folder it lives in, and what it wrote there about itself."""

from __future__ import annotations

import fcntl
import json
import os
import re
import stat
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from kemi.cli.outcome import CommandFailed, Exit
from kemi.cli.secrets import with_password
from kemi.settings import Settings

NODE_FILE = "node.json"
LOCK_FILE = "lock"
UNIX_PATH_MAX = 107
LONGEST_SOCKET = "/redis.sock"
LOCK_TRIES, LOCK_PAUSE_S = 5, 0.02
NODE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


@dataclass(frozen=True, slots=True)
class NodeFile:
    """What a running node says of itself in NODE_DIR/node.json."""

    pid: int
    """Process of `star87 run`."""
    kamailio_pid: int
    redis_url: str
    """With its password: the file is for the node's owner alone."""
    listen: tuple[str, ...]
    node_dir: str
    tls_certificate: str = ""
    """Where the certificate chain and its key are read from; empty: the node has none."""
    tls_private_key: str = ""

    def write(self) -> None:
        """Write the file so that a reader sees the old one, the new one, or none."""
        path = Path(self.node_dir, NODE_FILE)
        scratch = path.with_suffix(".new")
        with open(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(asdict(self), file)
        scratch.replace(path)

    @classmethod
    def read(cls, node_dir: str) -> NodeFile | None:
        """The file of a node folder; None when there is none that can be understood."""
        try:
            content = json.loads(Path(node_dir, NODE_FILE).read_text())
            return cls(**{**content, "listen": tuple(content["listen"])})
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def runs(self) -> bool:
        """Whether the process of `star87 run` still holds the folder."""
        return is_locked(self.node_dir)


def run_dirs() -> tuple[str, ...]:
    """Where nodes live when nobody names a folder, best first."""
    user = os.getuid()
    return Settings().run_dir, f"/run/user/{user}/star87", f"/tmp/star87-{user}"


def choose_run_dir() -> str:
    """The first folder of run_dirs that this user can write to, or could make."""
    for candidate in run_dirs():
        path = Path(candidate)
        if os.access(path if path.exists() else path.parent, os.W_OK | os.X_OK):
            return candidate
    return run_dirs()[-1]


def prepare_node_dir(node_dir: str) -> None:
    """Make the node's folder, for its owner alone.

    Raises CommandFailed: it cannot be made, belongs to somebody else, or is too long for a unix socket.
    """
    if len((node_dir + LONGEST_SOCKET).encode()) > UNIX_PATH_MAX:
        raise CommandFailed(
            f"{node_dir} is too long for a unix socket; choose a shorter --run-dir or --node", Exit.USAGE
        )
    try:
        os.makedirs(node_dir, mode=0o700, exist_ok=True)
        state = os.lstat(node_dir)
        if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.geteuid():
            raise CommandFailed(f"{node_dir} belongs to somebody else; choose another --run-dir", Exit.USAGE)
        os.chmod(node_dir, 0o700)
    except OSError as error:
        raise CommandFailed(
            f"{node_dir} cannot be made: {error.strerror}; choose another --run-dir", Exit.USAGE
        ) from error


def lock_node_dir(node_dir: str) -> int:
    """Hold the folder for as long as this process lives; returns the open file.

    A lock, not a pid file: the kernel releases it however the process ends.
    Raises CommandFailed when another process holds it.
    """
    file = os.open(Path(node_dir, LOCK_FILE), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    for _ in range(LOCK_TRIES):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return file
        except BlockingIOError:
            # is_locked() of another command holds it for a moment only.
            time.sleep(LOCK_PAUSE_S)
    os.close(file)
    other = NodeFile.read(node_dir)
    who = f" (process {other.pid})" if other else ""
    raise CommandFailed(
        f"node {Path(node_dir).name!r} already runs in {node_dir}{who}; stop it, or choose another --node"
    )


def is_locked(node_dir: str) -> bool:
    """Whether a running `star87 run` holds the folder."""
    try:
        file = os.open(Path(node_dir, LOCK_FILE), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


def find_node(settings: Settings, search: tuple[str, ...]) -> NodeFile:
    """The running node named settings.node in the first of the folders `search` that holds one.

    Raises CommandFailed (3) with the folders that were searched.
    """
    for run_dir in search:
        node = NodeFile.read(replace(settings, run_dir=run_dir).node_dir)
        if node is not None and node.runs():
            return node
    places = ", ".join(search)
    raise CommandFailed(
        f"no node {settings.node!r} runs in {places}; start one with `star87 run`, or say --redis, --node, --run-dir",
        Exit.UNREACHABLE,
    )


def settings_of(redis: str, node: str, run_dir: str) -> Settings:
    """The environment's settings with what the command line says put over them; raises CommandFailed (2)."""
    try:
        settings = Settings.from_environment()
    except ValueError as error:
        raise CommandFailed(str(error), Exit.USAGE) from error
    settings = replace(
        settings,
        redis_url=redis or settings.redis_url,
        node=node or settings.node,
        run_dir=run_dir or settings.run_dir,
    )
    if not NODE_NAME.fullmatch(settings.node):
        raise CommandFailed(
            f"node name {settings.node!r}: letters, digits, dot, dash and underscore, 63 at most", Exit.USAGE
        )
    return with_password(settings)
