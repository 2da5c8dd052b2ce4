"""What the node sends to itself, and that nobody else's word passes for it."""

from __future__ import annotations

import pytest

from kemi.sip import packed
from kemi.sip.flow import Flow
from kemi.sip.ports import Errand
from tests.support.fake_ksr import FakeKsr, install
from tests.unit.ksr.kamailio import VARIABLES

with install():
    from kemi.ksr.spiral import ERRAND, NEXT_HOP, KamailioSpiral

HOP = Flow("tcp", "192.0.2.9", 5070, "tcp:192.0.2.1:5060")


def sent(spiral: KamailioSpiral) -> str:
    """The next hop in what the node sends to itself."""
    fake = FakeKsr(VARIABLES)
    with install(fake):
        fake.answer("corex.sendx", 1)
        spiral.begin("BYE", "sip:101@192.0.2.9", HOP, ("Call-ID: a",))
        ((_, _, text),) = fake.called("corex.sendx")
    lines = [line.partition(": ") for line in str(text).split("\r\n")]
    return next(value for name, _, value in lines if name == NEXT_HOP)


def goes_on(spiral: KamailioSpiral, value: str) -> str | None:
    """Where a request with this header is sent on; None when it is not."""
    fake = FakeKsr(VARIABLES, headers=[(NEXT_HOP, value)])
    with install(fake):
        fake.answer("set_forward_no_connect", True)
        found = spiral.goes_on()
        assert fake.message.removed == [NEXT_HOP]
        return str(fake.variables.read("$du")) if found else None


def test_given_what_the_node_sent_to_itself_when_it_comes_round_then_it_goes_where_that_says() -> None:
    spiral = KamailioSpiral(5059)
    assert goes_on(spiral, sent(spiral)) == HOP.uri


@pytest.mark.parametrize(
    "forged",
    [
        str(HOP),
        f"next_hop {HOP}",
        f"next_hop.{'0' * 24} {HOP}",
        f"pbx.example.com.{'0' * 24} {HOP}",
        "",
    ],
)
def test_given_a_next_hop_that_a_phone_wrote_when_it_comes_round_then_it_goes_nowhere(forged: str) -> None:
    """Who registers the node's own socket as his phone's makes it send his requests there."""
    assert goes_on(KamailioSpiral(5059), forged) is None


def test_given_the_seal_of_another_hop_when_it_is_used_then_it_goes_nowhere() -> None:
    spiral = KamailioSpiral(5059)
    sealed, _, _ = sent(spiral).partition(" ")
    assert goes_on(spiral, f"{sealed} {Flow('udp', '192.0.2.66', 5060, HOP.socket)}") is None


def test_given_another_node_s_seal_when_it_is_used_then_it_goes_nowhere() -> None:
    assert goes_on(KamailioSpiral(5059), sent(KamailioSpiral(5059))) is None


def errand_of(spiral: KamailioSpiral, words: str, kind: Errand = Errand.PICK_UP) -> str:
    """The value of the header by which the node sends these words to itself."""
    fake = FakeKsr(VARIABLES)
    with install(fake):
        fake.answer("corex.sendx", 1)
        spiral.send_errand(kind, words)
        ((where, socket, text),) = fake.called("corex.sendx")
        assert (where, socket) == ("sip:127.0.0.1:5059;transport=udp", "udp:127.0.0.1:5059")
        assert str(text).startswith("INFO ")
        assert "\r\nContact: <sip:errand@device.invalid>\r\n" in str(text)
    lines = [line.partition(": ") for line in str(text).split("\r\n")]
    return next(value for name, _, value in lines if name == ERRAND)


def brings(spiral: KamailioSpiral, value: str) -> tuple[Errand, str] | None:
    with install(FakeKsr(VARIABLES, headers=[(ERRAND, value)])):
        return spiral.errand()


@pytest.mark.parametrize("kind", Errand)
def test_given_an_errand_when_it_comes_round_then_it_is_what_was_sent(kind: Errand) -> None:
    spiral = KamailioSpiral(5059)
    words = '["r1","pbx.example.com"]'
    assert brings(spiral, errand_of(spiral, words, kind)) == (kind, words)


def test_given_an_invite_that_a_worker_is_to_answer_when_it_is_asked_then_the_errand_says_which_and_how() -> None:
    spiral = KamailioSpiral(5059)
    fake = FakeKsr(VARIABLES)
    with install(fake):
        fake.answer("corex.sendx", 1)
        spiral.answer("é a\r\n", "7", 182, "Queued")
        ((_, _, text),) = fake.called("corex.sendx")
    value = next(line.partition(": ")[2] for line in str(text).split("\r\n") if line.startswith(ERRAND))
    came = brings(spiral, value)
    assert came is not None
    assert (came[0], packed.unpack(came[1])) == (Errand.ANSWER, ["é a\r\n", "7", 182, "Queued"])


def test_given_what_somebody_else_wrote_when_it_comes_round_then_it_is_no_errand() -> None:
    """Who registers the node's own socket as his phone's makes it send his requests there."""
    spiral = KamailioSpiral(5059)
    mine = errand_of(spiral, "a")
    seal, _, _ = mine.partition(" ")
    hop, _, _ = sent(spiral).partition(" ")
    forged = ["", "a", f"errand.{'0' * 24} a", f"{seal} b", f"{hop} {HOP}", f"{hop} a", seal]
    assert [brings(spiral, value) for value in forged] == [None] * len(forged)
    assert brings(KamailioSpiral(5059), mine) is None, "another node's"
    with install(FakeKsr(VARIABLES, headers=[("Call-ID", "a")])):
        assert spiral.errand() is None
