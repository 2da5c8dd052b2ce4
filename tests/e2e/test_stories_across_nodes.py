"""The stories that need several nodes, by SIPp's phones."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.stories import Actor, Play, Story, all_stories, mismatches, provisioning
from tests.e2e.test_stories import check_offers, check_record, named
from tests.kamailio.conftest import assert_no_traceback
from tests.support.node import Node
from tests.support.several_nodes import SeveralNodes, contacts_of
from tests.support.until import until

STORIES = [story for story in all_stories() if story.nodes]


class Document:
    def __init__(self, story: Story) -> None:
        self._text = provisioning([story])

    def document(self) -> str:
        return self._text


class AcrossNodes(Play):
    """A phone that has registered is known to every node before the next one enters."""

    def __init__(self, story: Story, nodes: dict[str, Node], folder: Path) -> None:
        first, *_ = story.nodes
        places = {name: node.address for name, node in nodes.items()}
        super().__init__(story, places[first], folder, nodes=places)
        self._domain, self._running = story.domain, nodes

    def _enter(self, actor: Actor) -> None:
        super()._enter(actor)
        if actor.is_called:
            number = self._extensions[actor.person]["number"]
            for node in self._running.values():
                until(lambda node=node: contacts_of(node, number, self._domain), what=f"{node.name} to know {number}")  # type: ignore[misc]


@pytest.mark.parametrize("story", STORIES, ids=named)
def test_given_several_nodes_when_phones_play_a_story_then_it_ends_as_told(story: Story, evidence: Path) -> None:
    (evidence / "phones").mkdir()
    with SeveralNodes(evidence, Document(story), story.nodes) as several:
        performance = AcrossNodes(story, several.nodes, evidence / "phones")
        performance.perform()

        assert list(mismatches(story.answered, performance.answered())) == []
        check_offers(story, performance)
        for node in several.nodes.values():
            check_record(story, node)
            assert_no_traceback(node.folder / node.name / "kamailio.log")
        node = several.nodes[story.nodes[0]]
        until(
            lambda: not node.left_keys(story.domain),
            what=lambda: f"no key left; there are {node.left_keys(story.domain)}",
        )
