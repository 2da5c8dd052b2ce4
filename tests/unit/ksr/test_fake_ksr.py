"""The double of KSR refuses what it does not know, and does the rest as Kamailio 5.6.3 was seen to do it."""

from __future__ import annotations

import sys
from collections.abc import Mapping

import pytest

from tests.support.fake_ksr import FakeKsr, install
from tests.support.ksr_surface import committed

INVITE: Mapping[str, str | int | None] = {"$rm": "INVITE", "$ru": "sip:102@pbx.example.com", "$ci": "a84b4c"}


@pytest.fixture
def fake() -> FakeKsr:
    return FakeKsr(INVITE)


# The surface


def test_given_the_committed_stub_then_every_function_of_the_double_is_in_it_with_as_many_parameters(
    fake: FakeKsr,
) -> None:
    surface = committed()
    modelled = fake.modelled()
    assert "tm.t_relay" in modelled
    assert modelled == {path: len(surface[path].parameters) for path in modelled if path in surface}


def test_given_the_committed_stub_then_no_attribute_of_the_double_hides_a_name_of_ksr(fake: FakeKsr) -> None:
    own = {name for name in [*vars(fake), *vars(FakeKsr)] if not name.startswith("_")}
    assert own.isdisjoint({function.module or function.name for function in committed().values()})


@pytest.mark.parametrize("path", ["tm.t_rely", "nothing", "x.exit"])
def test_given_a_name_that_ksr_has_not_when_it_is_used_then_the_error_names_it(fake: FakeKsr, path: str) -> None:
    with pytest.raises(AssertionError, match=rf"KSR\.{path.split('.')[0]}.* does not exist"):
        _call(fake, path)


@pytest.mark.parametrize(
    ("path", "arguments"),
    [
        ("tm.t_on_failure", ()),
        ("tm.t_reply", (480, "Gone", "x")),
        ("tm.t_reply", ("480", "Gone")),
        ("pv.sets", ("$avp(n)", 4)),
        ("tmx.t_continue", (1, 2**31, "resumed")),
        ("pv.get", (None,)),
    ],
)
def test_given_arguments_that_kamailio_does_not_take_when_called_then_the_error_names_the_call(
    fake: FakeKsr, path: str, arguments: tuple[object, ...]
) -> None:
    with pytest.raises(AssertionError, match=rf"KSR\.{path}\(.*takes"):
        _call(fake, path, *arguments)
    assert fake.calls == []


# What the test says


def test_given_a_function_without_model_or_answer_when_called_then_the_error_names_the_call(
    fake: FakeKsr,
) -> None:
    with pytest.raises(AssertionError, match=r"KSR\.maxfwd\.process_maxfwd\(70\)"):
        fake.maxfwd.process_maxfwd(70)


def test_given_one_answer_when_called_twice_then_it_is_given_twice(fake: FakeKsr) -> None:
    fake.answer("rr.loose_route", -1)
    assert [fake.rr.loose_route(), fake.rr.loose_route()] == [-1, -1]


def test_given_two_answers_when_called_three_times_then_the_third_is_refused(fake: FakeKsr) -> None:
    fake.answer("rr.loose_route", -1, 1)
    assert [fake.rr.loose_route(), fake.rr.loose_route()] == [-1, 1]
    with pytest.raises(AssertionError, match="more calls than answers"):
        fake.rr.loose_route()


def test_given_an_answer_for_a_function_with_a_model_when_called_then_the_answer_wins(fake: FakeKsr) -> None:
    fake.answer("tm.t_relay", -1)
    assert fake.tm.t_relay() == -1
    assert fake.relays == []
    assert fake.called("tm.t_relay") == [()]


@pytest.mark.parametrize(("path", "value"), [("rr.loose_rout", 1), ("rr.loose_route", True), ("is_myself", 1)])
def test_given_an_answer_that_kamailio_cannot_give_then_it_is_refused(fake: FakeKsr, path: str, value: int) -> None:
    with pytest.raises(AssertionError, match=path):
        fake.answer(path, value)


# Pseudo-variables


def test_given_no_value_when_a_variable_is_read_then_it_is_refused_and_never_null(fake: FakeKsr) -> None:
    for read in (fake.pv.get, fake.pv.gete, fake.pv.getw, fake.pv.is_null):
        with pytest.raises(AssertionError, match=r"\$ft"):
            read("$ft")


def test_given_null_when_a_variable_is_read_then_each_way_of_reading_shows_it() -> None:
    fake = FakeKsr({"$tt": None})
    assert fake.pv.get("$tt") is None
    assert fake.pv.gete("$tt") == ""
    assert fake.pv.getw("$tt") == "<null>"
    assert fake.pv.getvs("$tt", "none") == "none"
    assert fake.pv.is_null("$tt") is True


def test_given_a_variable_with_a_transformation_when_read_then_only_the_test_can_know_it() -> None:
    fake = FakeKsr({"$(ct{nameaddr.uri})": "sip:101@127.0.0.1:5071"})
    assert fake.pv.get("$(ct{nameaddr.uri})") == "sip:101@127.0.0.1:5071"
    with pytest.raises(AssertionError, match="no value"):
        fake.pv.get("$(ru{uri.host})")


def test_given_a_request_uri_when_it_or_its_user_is_written_then_its_parts_follow(fake: FakeKsr) -> None:
    fake.pv.sets("$ru", "sip:new@127.0.0.1:5;transport=tcp")
    assert (fake.pv.get("$rU"), fake.pv.get("$rd")) == ("new", "127.0.0.1")
    fake.pv.sets("$rU", "newer")
    assert fake.pv.get("$ru") == "sip:newer@127.0.0.1:5;transport=tcp"
    fake.pv.unset("$rU")
    assert fake.pv.get("$ru") == "sip:127.0.0.1:5;transport=tcp"


def test_given_a_destination_when_the_request_uri_is_written_then_the_destination_stays(
    fake: FakeKsr,
) -> None:
    fake.pv.sets("$du", "sip:127.0.0.1:9")
    fake.pv.sets("$ru", "sip:gone@pbx.example.com")
    assert fake.pv.get("$du") == "sip:127.0.0.1:9"
    fake.pv.unset("$du")
    assert fake.pv.get("$du") is None


def test_given_a_variable_that_no_script_can_write_when_written_then_it_is_refused(fake: FakeKsr) -> None:
    with pytest.raises(AssertionError, match=r"\$ci"):
        fake.pv.sets("$ci", "another")


def test_given_an_avp_when_written_twice_then_the_newest_is_read_and_the_older_comes_back(
    fake: FakeKsr,
) -> None:
    assert fake.pv.get("$avp(note)") is None
    fake.pv.sets("$avp(note)", "old")
    fake.pvx.avp_seti("note", 2)
    assert (fake.pv.get("$avp(note)"), fake.pv.get("$(avp(note)[*])")) == (2, "2, old")
    fake.pv.unset("$avp(note)")
    assert fake.pvx.avp_get("note") == "old"
    fake.pv.unset("$(avp(note)[*])")
    assert fake.pvx.avp_is_null("note") == 1


def test_given_an_unset_script_variable_when_read_then_it_is_zero_as_in_kamailio(fake: FakeKsr) -> None:
    assert fake.pv.get("$var(tries)") == 0
    fake.pv.seti("$var(tries)", 3)
    assert fake.pv.get("$var(tries)") == 3


def test_given_a_shared_variable_when_read_then_the_test_or_the_code_must_have_set_it(fake: FakeKsr) -> None:
    with pytest.raises(AssertionError, match="directory"):
        fake.pv.get("$shv(directory)")
    fake.pvx.shv_sets("directory", "/run/star87/1.json")
    assert fake.pv.get("$shv(directory)") == "/run/star87/1.json"
    assert FakeKsr({"$shv(directory)": ""}).pvx.shv_get("directory") == ""


# Being KSR


def test_given_a_double_when_installed_then_an_earlier_import_of_ksr_reaches_it_and_no_longer_afterwards(
    fake: FakeKsr,
) -> None:
    with install():
        import KSR
    with install(fake):
        assert KSR.pv.get("$ci") == "a84b4c"
    with pytest.raises(AssertionError, match="no double"):
        KSR.pv.get("$ci")
    with install(FakeKsr({"$ci": "another"})):
        assert KSR.pv.get("$ci") == "another"


def test_given_a_double_when_uninstalled_then_ksr_is_as_it_was_before(fake: FakeKsr) -> None:
    before = sys.modules.get("KSR")
    with install(fake), install(FakeKsr()):
        assert "KSR" in sys.modules
    assert sys.modules.get("KSR") is before


def test_given_code_that_swallows_the_refusal_when_the_double_is_uninstalled_then_it_is_raised_again(
    fake: FakeKsr,
) -> None:
    def swallow() -> None:
        with install(fake):
            import KSR

            with pytest.raises(AssertionError):
                KSR.pv.get("$ft")

    with pytest.raises(AssertionError, match=r"\$ft"):
        swallow()


def _call(fake: FakeKsr, path: str, *arguments: object) -> object:
    found: object = fake
    for name in path.split("."):
        found = getattr(found, name)
    assert callable(found)
    return found(*arguments)
