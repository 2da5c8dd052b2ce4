"""The provisioning in force, as the commands that look at calls read it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from kemi.accounts import snapshot, wire
from kemi.accounts.directory import Directory
from kemi.accounts.model import Domain, Provisioning
from kemi.cli.outcome import CommandFailed, Exit
from kemi.store import Store


@contextmanager
def directory_in_force(store: Store) -> Iterator[Directory]:
    """What the state store has in force, whether or not a node runs on this host.

    Raises CommandFailed (3) when nothing is in force, StoreUnavailable.
    """
    version, document = store.provisioning.fetch()
    if not document:
        raise CommandFailed("no provisioning document is in force; star87 apply FILE", Exit.UNREACHABLE)
    with TemporaryDirectory(prefix="star87-") as folder:
        path = str(Path(folder, "directory.sqlite"))
        snapshot.write(wire.decode(document), version, path)
        directory = Directory(path)
        try:
            yield directory
        finally:
            directory.close()


def chosen_domains(directory: Directory, domain: str) -> tuple[str, ...]:
    """The domain that was asked for, or all when none was; raises CommandFailed (2) for one that is not served."""
    if not domain:
        return directory.domains()
    if directory.settings(domain) is None:
        raise CommandFailed(f"domain {domain!r} is not served here; {_known(directory)}", Exit.USAGE)
    return (domain.lower(),)


def one_domain(directory: Directory, domain: str) -> str:
    """The domain that was asked for, or the only one; raises CommandFailed (2) when there are several."""
    names = chosen_domains(directory, domain)
    if len(names) != 1:
        raise CommandFailed(f"which domain? say --domain; {_known(directory)}", Exit.USAGE)
    return names[0]


def _known(directory: Directory) -> str:
    names = directory.domains()
    shown = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
    return f"there is {shown}" if names else "there is none"


def provisioning_of(directory: Directory) -> Provisioning:
    """The whole document that a snapshot was made of."""
    domains = []
    for name in directory.domains():
        settings = directory.settings(name)
        assert settings is not None
        domains.append(Domain(name, settings, tuple(directory.accounts(name))))
    return Provisioning(tuple(domains), directory.trunks())
