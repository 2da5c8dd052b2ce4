"""Reading what Kamailio says of KSR, writing it as a stub, judging code against it."""

from __future__ import annotations

import pytest

from tests.support.ksr_surface import Function, parse_listing, read_stub, render_stub, uses_of_ksr

LISTING = """{
	msize: 2
	methods: {
		func: {
			ret: none
			module: 
			name: info
			params: str
		}
		func: {
			ret: xval
			module: tm_x
			name: get
			params: str, int
		}
	}
}
"""  # noqa: W291
TWO = [Function("", "info", ("str",), "none"), Function("tm_x", "get", ("str", "int"), "xval")]


def test_given_a_listing_when_read_and_written_as_a_stub_then_the_stub_reads_the_same() -> None:
    assert parse_listing(LISTING) == TWO
    stub = render_stub(reversed(TWO))
    assert stub == render_stub(TWO)
    assert "class TmX:\n    def get(self, p1: str, p2: int, /) -> _Xval: ...\n\ntm_x: TmX\n" in stub
    assert read_stub(stub) == {"info": TWO[0], "tm_x.get": TWO[1]}


@pytest.mark.parametrize(
    "listing", ["", LISTING.replace("msize: 2", "msize: 3"), LISTING.replace("xval", "array"), LISTING[:150]]
)
def test_given_a_listing_that_is_cut_short_or_has_an_unknown_type_when_read_then_it_is_refused(
    listing: str,
) -> None:
    with pytest.raises(ValueError, match=r"announced|unknown type"):
        parse_listing(listing)


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        ('KSR.info("x")', ""),
        ('KSR.tm_x.get("x", 1).lower()', ""),
        ("KSR.tm_x.got(1)", "does not exist"),
        ("KSR.tm_x.get(1)", "takes 2 arguments, not 1"),
        ("KSR.tm_x.get(*both)", "takes plain positional arguments only"),
        ("KSR.info(p1=1)", "takes plain positional arguments only"),
        ("tell = KSR.info", "is no plain call"),
        ('getattr(KSR, "info")("x")', "is no plain call"),
        ("import KSR as K", "is imported under another name"),
        ("from KSR import info", "is imported under another name"),
    ],
)
def test_given_a_source_when_judged_then_only_a_plain_call_on_the_surface_passes(source: str, fault: str) -> None:
    uses = uses_of_ksr(f"import KSR\n{source}\n", {function.path: function for function in TWO})
    assert [use.fault for use in uses] == [fault]
