"""The media relay behind Kamailio's module rtpengine, against the strict double of KSR."""

from __future__ import annotations

import pytest

from kemi.sip.ports import Callback
from tests.support.fake_ksr import install
from tests.unit.ksr.kamailio import kamailio

with install():
    from kemi.ksr.incoming import Incoming
    from kemi.ksr.media import KamailioMedia
    from kemi.ksr.transaction import KamailioTransaction


@pytest.mark.parametrize("said", [1, -1])
@pytest.mark.parametrize(
    ("branch", "ice", "flags"),
    [
        ("7:42.1", False, "replace-origin replace-session-connection ICE=remove via-branch=extra"),
        ("", True, "replace-origin replace-session-connection ICE=force"),
    ],
)
def test_given_a_description_when_told_then_the_flags_say_how_and_a_refusal_changes_nothing(
    branch: str, ice: bool, flags: str, said: int
) -> None:
    with kamailio() as fake:
        fake.answer("rtpengine.rtpengine_offer", said)
        fake.answer("rtpengine.rtpengine_answer", said)
        KamailioMedia().offer(branch, ice=ice)
        KamailioMedia().answer(branch, ice=ice)
        named = [("pv.sets", ("$avp(media_branch)", branch))] if branch else []
        assert fake.calls == [
            *(*named, ("rtpengine.rtpengine_offer", (flags,))),
            *(*named, ("rtpengine.rtpengine_answer", (flags,))),
        ]


def test_given_an_end_when_told_then_it_is_at_once_and_no_more_than_what_ended() -> None:
    with kamailio() as fake:
        fake.answer("rtpengine.rtpengine_delete", 1)
        media = KamailioMedia()
        media.delete_branch("7:42.1")
        assert fake.variables.read("$avp(media_branch)") == "7:42.1"
        media.delete_dialog()
        media.delete_call()
        assert fake.called("rtpengine.rtpengine_delete") == [
            ("via-branch=extra delete-delay=0",),
            ("to-tag delete-delay=0",),
            ("delete-delay=0",),
        ]


@pytest.mark.parametrize("own", [True, False])
def test_given_a_message_when_its_source_is_asked_then_kamailio_says_whether_it_is_itself(own: bool) -> None:
    with kamailio() as fake:
        fake.answer("is_myself_suri", own)
        assert Incoming().is_own is own


@pytest.mark.parametrize(
    ("every", "named", "armed"),
    [
        (None, None, ""),
        (Callback.CALL_BRANCH, None, "ksr_branch_call"),
        (Callback.CALL_BRANCH, Callback.PICKUP_BRANCH, "ksr_branch_pickup"),
        (None, Callback.PICKUP_BRANCH, "ksr_branch_pickup"),
    ],
)
def test_given_a_callback_for_every_branch_when_none_is_named_then_it_is_armed(
    every: Callback | None, named: Callback | None, armed: str
) -> None:
    with kamailio() as fake:
        transaction = KamailioTransaction(every_branch=every)
        transaction.call_back(reply=Callback.CALL_REPLY, failure=None, branch=named)
        transaction.relay()
        assert fake.relays[0].on_branch == armed


@pytest.mark.parametrize(("said", "told"), [(1, 0), (0, 0), (-1, 1)])
def test_given_a_relay_when_nothing_could_be_sent_then_that_is_told_once(said: int, told: int) -> None:
    times: list[None] = []
    with kamailio() as fake:
        fake.answer("tm.t_relay", said)
        transaction = KamailioTransaction()
        transaction.unsent = lambda: times.append(None)
        assert transaction.relay() is (told == 0)
    assert len(times) == told
