"""Random valid provisionings: few numbers and few patterns, so that they meet."""

from __future__ import annotations

from hypothesis import strategies as st

from kemi.accounts.model import (
    Account,
    AgentGroup,
    Domain,
    DomainSettings,
    Extension,
    Forward,
    HuntGroup,
    PickupMode,
    Provisioning,
    Stage,
    Trunk,
)
from kemi.accounts.permission import Permission

NUMBERS = st.text("01", min_size=1, max_size=4)
PATTERNS = NUMBERS | st.text("01", max_size=3).map(lambda digits: digits + "*")
PERMISSIONS = st.builds(
    Permission,
    st.frozensets(PATTERNS, max_size=3),
    st.frozensets(PATTERNS, max_size=2) | st.just(frozenset()),
)
_NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
_FORWARDS = st.none() | st.builds(Forward, _NAMES, st.integers(0, 3600))
_MEMBERS = st.lists(NUMBERS, min_size=1, max_size=3).map(tuple)
_STAGES = st.lists(st.builds(Stage, _MEMBERS, st.integers(0, 60)), min_size=1, max_size=3).map(tuple)


def accounts_of(number: str) -> st.SearchStrategy[Account]:
    return st.one_of(
        st.builds(Extension, st.just(number), _NAMES, _NAMES, PERMISSIONS, _FORWARDS, _FORWARDS),
        st.builds(HuntGroup, st.just(number), _NAMES, _STAGES, PERMISSIONS, _FORWARDS),
        st.builds(
            AgentGroup,
            st.just(number),
            _NAMES,
            _MEMBERS,
            ring_s=st.integers(1, 99),
            overflow=_NAMES,
            permission=PERMISSIONS,
        ),
    )


def domains(name: str) -> st.SearchStrategy[Domain]:
    accounts = st.sets(NUMBERS, max_size=8).flatmap(
        lambda numbers: st.tuples(*(accounts_of(number) for number in sorted(numbers)))
    )
    settings = st.builds(
        DomainSettings, _NAMES, st.sampled_from(PickupMode), st.booleans(), st.booleans(), st.booleans()
    )
    return st.builds(Domain, st.just(name), settings, accounts)


_TEXTS = st.lists(_NAMES, max_size=2).map(tuple)
TRUNKS = st.builds(Trunk, _NAMES, _TEXTS, _TEXTS, st.lists(st.tuples(_NAMES, _NAMES), max_size=2).map(tuple), _TEXTS)
PROVISIONINGS = st.builds(
    Provisioning,
    st.tuples(domains("a.example"), domains("b.example")),
    st.lists(TRUNKS, max_size=2).map(tuple),
)
