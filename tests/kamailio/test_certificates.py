"""`star87 reload-certificates` on a real node: new connections see the new certificate, the others go on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.certificate import make_certificate
from tests.support.every_transport import every_transport
from tests.support.node import Node
from tests.support.renewal import reload, renew, shown
from tests.support.slow_peers import connects, options
from tests.support.talks import talk
from tests.support.tenants import Tenant, Tenants
from tests.support.wire import unverified

CONNECTIONS, RELOADS, ASKS_EVERY_S = 6, 40, 0.004


@pytest.fixture(scope="module")
def node(tenants: Tenants, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with every_transport(tmp_path_factory.mktemp("node"), tenants) as node:
        yield node


def in_files(node: Node) -> str:
    return (node.folder / "node.crt").read_text()


@pytest.mark.parametrize("transport", ["tls", "wss"])
def test_given_a_new_certificate_when_reloaded_then_new_connections_see_it_and_those_before_go_on(
    node: Node, tenant: Tenant, transport: str
) -> None:
    assert shown(node, transport) == in_files(node)
    bob, alice = tenant.phone("101", transport=transport, register=True), tenant.phone("104", transport=transport)
    caller, callee = talk(alice, bob)

    new = renew(node)
    assert shown(node, transport) != new, "nothing happens by itself"
    done = reload(node)

    assert (done.returncode, done.stdout) == (0, f"new connections see {node.folder}/node.crt\n")
    assert shown(node, transport) == new
    caller.reinvites(bob, "sendonly", "recvonly")
    callee.reinvites(alice, "sendrecv", "sendrecv")
    caller.ends(bob)
    # Over the connection of before, too.
    talk(tenant.phone("105"), bob)
    assert len(list((node.folder / node.name).glob("tls-*"))) == 2, "the old pair is not kept"


@pytest.mark.parametrize("fault", ["broken certificate", "key of another", "no key", "empty"])
def test_given_a_pair_with_a_fault_when_reloaded_then_it_is_told_and_nothing_changes(node: Node, fault: str) -> None:
    before = shown(node, "tls")
    certificate, key = node.folder / "node.crt", node.folder / "node.key"
    kept = certificate.read_bytes(), key.read_bytes()
    if fault == "broken certificate":
        certificate.write_bytes(kept[0][: len(kept[0]) // 2])
    elif fault == "key of another":
        key.write_bytes(make_certificate(node.folder / "another")[1].read_bytes())
    elif fault == "no key":
        key.unlink()
    else:
        certificate.write_bytes(b"")
    try:
        done = reload(node)
        assert done.returncode == 2
        assert done.stdout == ""
        assert str(node.folder) in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert shown(node, "tls") == before
        assert len(list((node.folder / node.name).glob("tls-*"))) == 2
    finally:
        certificate.write_bytes(kept[0])
        key.write_bytes(kept[1])


def test_given_connections_in_use_when_certificates_are_reloaded_again_and_again_then_none_is_closed(
    node: Node,
) -> None:
    """OpenSSL 3 had one list of errors for all processes: reading a certificate broke what another only waited for."""
    over, lost = threading.Event(), list[str]()

    def talks() -> None:
        with connects(node, "tls") as plain, unverified().wrap_socket(plain) as connection:
            asked = 0
            while not lost and not over.wait(ASKS_EVERY_S):
                connection.sendall(options(node, transport=b"TLS"))
                try:
                    answer = connection.recv(65535)
                except OSError as error:
                    answer = repr(error).encode()
                asked += 1
                if not answer.startswith(b"SIP/2.0 "):
                    lost.append(f"after {asked} requests: {answer!r}")

    threads = [threading.Thread(target=talks) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    try:
        said = [node.kamcmd("tls.reload") for _ in range(RELOADS)]
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert lost == []
    assert [line for line in said if not line.startswith("Ok.")] == []


def test_given_a_node_without_tls_when_reloaded_then_it_says_so(tmp_path: Path, tenants: Tenants) -> None:
    with Node(tmp_path, tenants.document()) as plain:
        done = reload(plain)
    assert (done.returncode, done.stderr) == (1, "star87: node 'n' has no tls: or wss: address, so no certificate\n")
