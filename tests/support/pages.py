"""The pages for people, and the command lines in them."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "docker/DIALLING.md", "docker/README.md", "docker/DEVELOPING.md")
PROGRAMS = (
    *(
        r"(?:\.venv/bin/)?star87",
        r"(?:\.venv/bin/)?pytest",
        "make",
        "(?:sudo )?docker",
        "podman",
        "kamcmd",
        "sipp",
        "ip",
    ),
    *("redis-server", "redis-cli", "rtpengine", "systemctl", "journalctl", "openssl", "curl", "apt-get", "pip", "git"),
)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```\n", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(rf"(?:{'|'.join(PROGRAMS)}) \S")


def commands(page: str) -> list[str]:
    """Each line of a page's ```sh blocks, without its comment, and each `…` in its text that begins with a program.

    A line that ends with a backslash goes on with the next one; what a block exports stands before each line after it.
    """
    text = (ROOT / page).read_text()
    found: dict[str, None] = {}
    for language, block in FENCE.findall(text):
        lines = block.replace("\\\n", " ").splitlines()
        if language != "sh":
            stray = [line for line in lines if COMMAND.match(line)]
            assert not stray, f"{page}: commands belong into a block of ```sh: {stray}"
            continue
        exported = ""
        for line in filter(None, (" ".join(re.sub(r"\s#.*", "", line).split()) for line in lines)):
            if line.startswith("export "):
                exported += f"{line}; "
            else:
                found[exported + line] = None
    found.update(
        dict.fromkeys(shown for shown in re.findall(r"`([^`\n]+)`", FENCE.sub("", text)) if COMMAND.match(shown))
    )
    return list(found)


ALL = list(dict.fromkeys(command for page in PAGES for command in commands(page)))
