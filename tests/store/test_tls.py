"""TLS to the state store: certificates are checked, waits are bounded, and nothing posted is lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from kemi.errors import StoreUnavailable
from kemi.settings import Settings
from kemi.store import Store, open_store
from tests.store.conftest import PATIENT_MS
from tests.store.scene import Scene
from tests.support.certificate import make_signed_certificate
from tests.support.redis_server import TcpRedis
from tests.support.until import until

TIMEOUT_MS = 500
BOUND_S = 1.9 * TIMEOUT_MS / 1000

Open = Callable[..., Store]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    return make_signed_certificate(tmp_path_factory.mktemp("tls"))


def tls_redis(certificates: tuple[Path, Path, Path], *more: str, clients: str = "no") -> TcpRedis:
    authority, certificate, key = (str(path) for path in certificates)
    files = ("--tls-cert-file", certificate, "--tls-key-file", key, "--tls-ca-cert-file", authority)
    return TcpRedis(*more, tls=(*files, "--tls-auth-clients", clients))


@pytest.fixture
def server(certificates: tuple[Path, Path, Path]) -> Iterator[TcpRedis]:
    with tls_redis(certificates) as server:
        yield server


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def opened(said: list[str]) -> Iterator[Open]:
    with ExitStack() as ends:

        def open_one(url: str, timeout_ms: int = PATIENT_MS) -> Store:
            store = open_store(replace(Settings(), redis_url=url, redis_timeout_ms=timeout_ms), said.append)
            ends.callback(store.close)
            return store

        yield open_one


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_given_an_authority_when_the_store_has_its_certificate_then_calls_are_picked_up(
    host: str, server: TcpRedis, certificates: tuple[Path, Path, Path], opened: Open, said: list[str]
) -> None:
    scene = Scene(opened(f"rediss://{host}:{server.port}?ssl_ca_certs={certificates[0]}"), server.client())
    call = scene.ring()
    assert scene.picked_up("101") == call
    assert said == []


def test_given_a_store_that_closed_the_connection_when_a_record_is_posted_then_it_is_not_lost(
    server: TcpRedis, certificates: tuple[Path, Path, Path], opened: Open, said: list[str]
) -> None:
    scene = Scene(opened(f"rediss://127.0.0.1:{server.port}?ssl_ca_certs={certificates[0]}"), server.client())
    scene.store.load_functions()
    for _ in range(2):
        call = scene.ring()
        assert scene.seen().keys() >= {call}
        scene.redis.client_kill_filter(_type="normal", skipme=True)
        assert scene.ring() in scene.seen()
    assert said == []


def test_given_an_authority_that_is_not_known_when_the_store_is_asked_then_it_is_not_trusted(
    server: TcpRedis, opened: Open, said: list[str]
) -> None:
    with pytest.raises(StoreUnavailable, match=r"(?i)certificate"):
        opened(f"rediss://127.0.0.1:{server.port}").ping()
    assert len(said) == 1


def test_given_a_certificate_for_another_name_when_the_store_is_asked_then_it_is_not_trusted(
    tmp_path: Path, opened: Open
) -> None:
    certificates = make_signed_certificate(tmp_path, names="DNS:elsewhere.example.com")
    with tls_redis(certificates) as server:
        url = f"rediss://localhost:{server.port}?ssl_ca_certs={certificates[0]}"
        with pytest.raises(StoreUnavailable, match=r"(?i)certificate"):
            opened(url).ping()
        opened(f"{url}&ssl_check_hostname=false").ping()


def test_given_a_store_that_wants_a_certificate_when_the_client_has_one_then_it_is_let_in(
    certificates: tuple[Path, Path, Path], opened: Open
) -> None:
    authority, certificate, key = certificates
    with tls_redis(certificates, clients="yes") as server:
        url = f"rediss://127.0.0.1:{server.port}?ssl_ca_certs={authority}"
        with pytest.raises(StoreUnavailable):
            opened(url).ping()
        opened(f"{url}&ssl_certfile={certificate}&ssl_keyfile={key}").ping()


@pytest.mark.parametrize("scheme", ["rediss", "redis"])
def test_given_a_tls_store_that_hangs_when_it_is_asked_anew_then_the_handshake_is_bounded(
    scheme: str, server: TcpRedis, certificates: tuple[Path, Path, Path], opened: Open
) -> None:
    query = f"?ssl_ca_certs={certificates[0]}" if scheme == "rediss" else ""
    store = opened(f"{scheme}://127.0.0.1:{server.port}{query}", TIMEOUT_MS)
    server.freeze()
    began = time.monotonic()
    with pytest.raises(StoreUnavailable):
        store.ping()
    assert time.monotonic() - began < BOUND_S
    server.thaw()


def test_given_a_cluster_with_tls_when_calls_ring_then_they_are_picked_up(
    certificates: tuple[Path, Path, Path], opened: Open, said: list[str]
) -> None:
    with tls_redis(certificates, "--cluster-enabled", "yes", "--tls-cluster", "yes") as server:
        with server.client() as client:
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
            until(lambda: b"cluster_state:ok" in client.execute_command("CLUSTER", "INFO"), what="a whole cluster")
        store = opened(f"rediss+cluster://127.0.0.1:{server.port}?ssl_ca_certs={certificates[0]}")
        store.load_functions()
        scene = Scene(store, server.client())
        call = scene.ring()
        assert scene.picked_up("101") == call
    assert said == []
