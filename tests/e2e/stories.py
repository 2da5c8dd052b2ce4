"""Stories of sipp-scenarios: read from their folders, and played phone by phone against a node."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.support.ports import LOOPBACK, free_port
from tests.support.sipp import PHONES, SCENARIOS, TIMEOUT_S, Phone, Setting, SippRun, header
from tests.support.until import until

BASE_DOMAIN = "pbx.example.com"
VOICEMAIL = "voicemail"
VOICEMAIL_ADDRESS = "127.0.0.1:5900"
"""Where provision.yaml and the stories say that the voicemail is; each story's has a port of its own."""
ENDED = "ended"
REST_SLACK_S = 1.5
"""How much longer than told an agent's rest between two calls may be."""


@dataclass(frozen=True, slots=True)
class Actor:
    """One phone's part in a story. The keys of story.yaml: see sipp-scenarios/README.md."""

    name: str
    plays: str
    dials: str = ""
    after: tuple[str, ...] = ()
    keys: Mapping[str, str] = field(default_factory=dict)
    password: str = ""
    transport: str = "u1"
    domain: str = ""
    at: str = ""
    """Name of another node of the same store, which this phone uses; empty: the story's own."""
    registers: str = "registers"
    call: str = ""
    calls: int = 1
    cue: str = ""
    replaces: Mapping[str, str] = field(default_factory=dict)

    @property
    def person(self) -> str:
        """Whose phone it is: bob-desk and bob-mobile are both Bob's."""
        return self.name.partition("-")[0]

    @property
    def is_called(self) -> bool:
        return not self.dials and not self.cue


@dataclass(frozen=True, slots=True)
class Story:
    folder: Path
    title: str
    actors: tuple[Actor, ...]
    answered: tuple[str, ...]
    """Who gets a 200 to an INVITE: names, or `one|other` for exactly one of them."""
    events: tuple[Mapping[str, Any], ...] | None
    """What the pickup record must hold, in order, by these fields; None: in no certain order."""
    outcomes: tuple[str, ...]
    """The outcomes in the record, sorted, where `events` is None."""
    accounts: Mapping[str, Any] = field(default_factory=dict)
    """What this story's tenant has different from provision.yaml, by section and number."""
    rang: tuple[Any, ...] | None = None
    """Every new call that reached a phone, in order: see Play.rang. A list: all at once."""
    rests: Mapping[str, float] = field(default_factory=dict)
    """Seconds from the BYE of a phone's call to the next call that it gets."""
    statistics: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """What became of the callers of agent groups."""
    logged_out: tuple[str, ...] = ()
    """The agents that are logged out in the end."""
    node: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the node that are not those of the other stories."""
    voicemail_port: int = field(default_factory=free_port)

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def others(self) -> tuple[str, ...]:
        """The nodes beside its own that it plays on."""
        return tuple(sorted({actor.at for actor in self.actors if actor.at}))

    @property
    def domain(self) -> str:
        return f"{self.name}.{self.folder.parent.name}.example.com"

    def document(self) -> dict[str, Any]:
        """This story's tenant: that of provision.yaml under a name of its own."""
        tenant: dict[str, Any] = yaml.safe_load((SCENARIOS / "provision.yaml").read_text())["domains"][0]
        for section, changes in self.accounts.items():
            if section == "settings":
                tenant["settings"] = changes
                continue
            for number, change in changes.items():
                next(a for a in tenant[section] if a["number"] == number).update(change)
        text = yaml.safe_dump(tenant).replace(BASE_DOMAIN, self.domain)
        own: dict[str, Any] = yaml.safe_load(text.replace(VOICEMAIL_ADDRESS, f"{LOOPBACK}:{self.voicemail_port}"))
        return own


def read_story(folder: Path) -> Story:
    """The story of a folder; raises KeyError or TypeError when story.yaml lacks or has too much."""
    text = yaml.safe_load((folder / "story.yaml").read_text())
    actors: list[Actor] = []
    for words in text.pop("actors"):
        after = words.pop("after", [])
        words["keys"] = {key: str(value) for key, value in words.get("keys", {}).items()}
        words["after"] = tuple([after] if isinstance(after, str) else after)
        if "cue" in words:
            words.update(name=f"cue-{len(actors)}", plays="cue")
        actors.append(Actor(**words))
    return Story(
        folder=folder,
        title=text.pop("title"),
        actors=tuple(actors),
        answered=tuple(text.pop("answered")),
        events=tuple(text.pop("events")) if "events" in text else None,
        outcomes=tuple(text.pop("outcomes", ())),
        logged_out=tuple(text.pop("logged_out", ())),
        **text,
    )


def all_stories() -> list[Story]:
    return [read_story(path.parent) for path in sorted(SCENARIOS.rglob("story.yaml"))]


def provisioning(stories: Sequence[Story]) -> str:
    """One YAML document in which each story has a tenant of its own."""
    shared: dict[str, Any] = yaml.safe_load((SCENARIOS / "provision.yaml").read_text())
    shared["domains"] = [story.document() for story in stories] + shared["domains"][1:]
    return str(yaml.safe_dump(shared))


class Play:
    """One performance of a story: every phone's process, from the first to the last."""

    def __init__(
        self,
        story: Story,
        proxy: str,
        folder: Path,
        *,
        domain: str = "",
        others: Mapping[str, str] | None = None,
        await_known: Callable[[str], None] = lambda _number: None,
    ) -> None:
        """proxy: host:port of the node; others: of those that actors are `at`, by name.

        folder: for logs. domain: the tenant, if it is not the story's own.
        await_known: returns when every node knows that a number is registered.
        """
        self._await_known = await_known
        self._others = others or {}
        self._story = story
        self._setting = Setting(proxy, domain or story.domain, f"%u-{story.name}@star87", folder)
        self._extensions = {e["name"].lower(): e for e in story.document()["extensions"]}
        self._extensions[VOICEMAIL] = {"name": "Voicemail", "number": VOICEMAIL, "password": ""}
        self._phones: dict[str, Phone] = {}
        self.runs: dict[str, SippRun] = {}

    def perform(self) -> None:
        """Play it all; raises AssertionError when a phone's scenario fails."""
        try:
            for actor in self._story.actors:
                for moment in actor.after:
                    self._await(moment)
                self._enter(actor)
            self._finish()
        finally:
            for run in self.runs.values():
                run.stop()

    def answered(self) -> list[str]:
        """The phones that got a 200 to an INVITE of theirs, once for each such 200."""
        return sorted(name for name, run in self.runs.items() for _ in range(run.answered()))

    def rang(self, named: Iterable[str] = ()) -> list[str]:
        """Every new call that replaced no other and reached a phone, `PHONE CALLER`, in order of time.

        named: further moments to put into this order: `PHONE 480`, `PHONE BYE`: its first message of that kind.
        """
        names = {extension["number"]: name for name, extension in self._extensions.items()}
        found: dict[str, tuple[float, str]] = {}
        for phone, run in self.runs.items():
            for message in run.messages():
                if message.sent or not _starts_a_call(message.text):
                    continue
                match = re.search(r"sip:(\d+)@", header(message.text, "From"))
                assert match, message.text
                # One that is repeated has the same Via.
                branch = header(message.text, "Via") + phone
                found.setdefault(branch, (message.at, f"{phone} {names[match[1]]}"))
        for moment in named:
            phone, _, kind = moment.partition(" ")
            start = f"SIP/2.0 {kind} " if kind.isdigit() else f"{kind} "
            at = [message.at for message in self.runs[phone].messages() if message.text.startswith(start)]
            found.update({moment: (min(at), moment)} if at else {})
        return [words for _, words in sorted(found.values())]

    def rests(self, phone: str) -> list[float]:
        """Seconds between the end of each call of a phone and the next call that reached it."""
        spans: list[float] = []
        ended = 0.0
        for message in self.runs[phone].messages():
            if message.text.startswith("BYE "):
                ended = message.at
            elif ended and not message.sent and _starts_a_call(message.text):
                spans.append(message.at - ended)
                ended = 0.0
        return spans

    def _finish(self) -> None:
        """Wait for all phones; the first that fails is the one to tell of, the others fail for its sake."""
        left = list(self.runs.values())
        while left:
            until(lambda: any(run.ended for run in left), within_s=TIMEOUT_S + 5, what="a phone to end")
            for run in [run for run in left if run.ended]:
                run.finish()
                left.remove(run)

    def _enter(self, actor: Actor) -> None:
        if actor.cue:
            self._cue(actor)
            return
        phone = self._phone(actor)
        if actor.is_called and actor.name != VOICEMAIL:
            phone.register(actor.registers)
            self._await_known(phone.number)
        keys = {"name": self._extensions[actor.person]["name"], **actor.keys}
        if actor.replaces:
            keys["replaces"] = self._replaces(**actor.replaces)
        run = phone.play(
            self._scenario(actor.plays),
            dials=actor.dials,
            keys=keys,
            call=f"%u-{self._story.name}-{actor.call}@star87" if actor.call else "",
            calls=actor.calls,
        )
        self.runs[actor.name] = run
        if actor.is_called:
            run.await_bound()

    def _replaces(self, call: str, seen_by: str = "caller", more: str = "") -> str:
        """Value of a Replaces header for the last call that a phone made, by the last tag that it heard.

        seen_by: whose own tag is the to-tag (RFC 3891 §3), the caller's or the callee's. more: what follows the tags.
        """
        messages = self.runs[call].messages()
        invite = next(m.text for m in reversed(messages) if m.sent and m.text.startswith("INVITE "))
        answer = next(m.text for m in reversed(messages) if not m.sent and re.match(r"SIP/2.0 (1[89]|2)\d", m.text))
        caller, callee = (
            re.sub(r".*;tag=([^;]+).*", r"\1", header(text, name)) for text, name in ((invite, "From"), (answer, "To"))
        )
        to_tag, from_tag = (caller, callee) if seen_by == "caller" else (callee, caller)
        return f"{header(invite, 'Call-ID')};to-tag={to_tag};from-tag={from_tag}{more}"

    def _phone(self, actor: Actor) -> Phone:
        extension = self._extensions[actor.person]
        setting = self._setting
        if actor.domain:
            setting = Setting(setting.proxy, actor.domain, setting.call, setting.folder)
        if actor.at:
            setting = Setting(self._others[actor.at], setting.domain, setting.call, setting.folder)
        password = actor.password or extension["password"]
        phone = Phone(setting, actor.name, extension["number"], password, actor.transport)
        if actor.name == VOICEMAIL:
            phone.port = self._story.voicemail_port
        self._phones[actor.name] = phone
        return phone

    def _cue(self, actor: Actor) -> None:
        target = self._phones[actor.cue]
        call = actor.call or next(a.call for a in self._story.actors if a.name == actor.cue)
        nudge = Phone(self._setting, actor.name, target.number)
        nudge.play(
            PHONES / "cue.xml",
            dials=target.number,
            target=f"127.0.0.1:{target.port}",
            call=f"%u-{self._story.name}-{call}@star87" if call else "",
        ).finish()

    def _await(self, moment: str) -> None:
        """moment: `NAME MILESTONE`, `NAME ended`: the phone is through, or `NAME hears CODE N times`."""
        name, _, milestone = moment.partition(" ")
        run = self.runs[name]
        repeated = re.fullmatch(r"hears (\d+) (\d+) times", milestone)
        if repeated:
            status, times = repeated.groups()
            until(lambda: run.heard(status) >= int(times) or run.ended, within_s=TIMEOUT_S, what=moment)
            assert run.heard(status) >= int(times), f"{name} ended before: {run.errors()}"
        elif milestone == ENDED:
            run.finish()
        else:
            run.await_says(milestone)

    def _scenario(self, plays: str) -> Path:
        own = self._story.folder / f"{plays}.xml"
        return own if own.exists() else PHONES / f"{plays}.xml"


def _starts_a_call(message: str) -> bool:
    return message.startswith("INVITE ") and "tag=" not in header(message, "To") and not header(message, "Replaces")


def mismatches(expected: tuple[str, ...], answered: list[str]) -> Iterator[str]:
    """Why the phones that were answered are not those that the story expects, one text a reason."""
    left = list(answered)
    for wanted in expected:
        found = [name for name in left if re.fullmatch(wanted, name)]
        if not found:
            yield f"{wanted} was not answered"
        else:
            left.remove(found[0])
    yield from (f"{name} was answered" for name in left)
