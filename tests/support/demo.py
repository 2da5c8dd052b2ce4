"""`make demo`: a directed and a general pickup, by SIPp's phones on a real node, with their ladders and their record.

Ends with 1 when a pickup failed, and then says where its logs are.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from kemi.cli.capture import read_capture
from kemi.cli.ladder import Message, draw
from kemi.cli.outcome import CommandFailed
from kemi.cli.output import printable
from tests.e2e.stories import Play, Story, mismatches, provisioning, read_story
from tests.support.capture import Capture
from tests.support.node import STAR87, Node
from tests.support.ports import LOOPBACK
from tests.support.sipp import SCENARIOS
from tests.support.until import until

STORIES = ("directed", "general")
NOMINAL = SCENARIOS / "call-pickup" / "nominal"


def main() -> int:
    """Play the stories and print what came of them; returns the exit status."""
    folder = Path(tempfile.mkdtemp(prefix="star87-demo-"))
    stories = [read_story(NOMINAL / name) for name in STORIES]
    try:
        with Node(folder, provisioning(stories)) as node:
            print(f"star87 run: a node on udp and tcp {node.address} with a private Redis\n")
            for story in stories:
                _show(story, node, folder / story.name)
    except AssertionError as failure:
        print(f"demo: {failure}\ndemo: the logs are in {folder}", file=sys.stderr)
        return 1
    shutil.rmtree(folder)
    return 0


def _show(story: Story, node: Node, folder: Path) -> None:
    folder.mkdir()
    play = Play(story, node.address, folder)
    with Capture(folder / "sip.pcap", node.port) as capture:
        play.perform()
        wrong = list(mismatches(story.answered, play.answered()))
        assert not wrong, f"{story.name}: {', '.join(wrong)}"
        until(lambda: node.events(story.domain), what="the pickup record")
        # dumpcap writes what it saw a moment later.
        wanted = sum(len(run.sent()) + len(run.received()) for run in play.runs.values())
        calls = until(lambda: _calls(capture.path, wanted), what=f"{wanted} captured messages")
    names = {f"{LOOPBACK}:{run.port}": name for name, run in play.runs.items()}
    print(f"{story.name}: {story.title}\n")
    print(printable(draw(calls, {node.address: "star87", **names})))
    print(f"\nstar87 events --domain {story.domain}")
    place = ["--run-dir", str(node.folder), "--node", node.name]
    command = [str(STAR87), "events", "--domain", story.domain, *place]
    print(subprocess.run(command, check=True, capture_output=True, text=True).stdout, flush=True)


def _calls(path: Path, wanted: int) -> list[Message]:
    """The messages of all calls in a capture, without registrations; none before it holds `wanted` of them."""
    try:
        messages = read_capture(str(path))
    except CommandFailed:
        # Cut off in the middle of a packet: dumpcap is still writing.
        return []
    calls = {message.call_id for message in messages if message.start_line.startswith("INVITE ")}
    found = [message for message in messages if message.call_id in calls]
    return found if len(found) >= wanted else []


if __name__ == "__main__":
    sys.exit(main())
