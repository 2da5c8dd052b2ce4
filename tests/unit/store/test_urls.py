"""What a state store's URL says, and what is said of one that says nothing."""

from __future__ import annotations

import ssl

import pytest

from kemi.store.urls import BadUrl, Topology, target_of

SECRETS = ("cret", "hush")


@pytest.mark.parametrize(
    ("url", "topology", "places", "options"),
    [
        ("redis://localhost", Topology.ONE, (("localhost", 6379),), {}),
        ("redis://south:7000/3", Topology.ONE, (("south", 7000),), {"db": 3}),
        ("redis://[::1]:7000/3", Topology.ONE, (("::1", 7000),), {"db": 3}),
        ("redis://:s%40cret@south", Topology.ONE, (("south", 6379),), {"password": "s@cret"}),
        ("redis://star:secret@south", Topology.ONE, (("south", 6379),), {"username": "star", "password": "secret"}),
        ("redis://south?password=a%2Bb%2541&db=2", Topology.ONE, (("south", 6379),), {"password": "a+b%41", "db": 2}),
        ("unix:///run/redis.sock", Topology.ONE, (), {"path": "/run/redis.sock"}),
        ("unix:///run/redis.sock?db=2", Topology.ONE, (), {"path": "/run/redis.sock", "db": 2}),
        ("unix://:secret@/run/redis.sock", Topology.ONE, (), {"path": "/run/redis.sock", "password": "secret"}),
        (
            "redis+sentinel://star:secret@a,b:1,[::1]/main/4",
            Topology.SENTINEL,
            (("a", 26379), ("b", 1), ("::1", 26379)),
            {"username": "star", "password": "secret", "db": 4},
        ),
        ("redis+cluster://:secret@a:1,b", Topology.CLUSTER, (("a", 1), ("b", 6379)), {"password": "secret"}),
        ("redis+cluster://a/0", Topology.CLUSTER, (("a", 6379),), {"db": 0}),
    ],
)
def test_given_a_url_when_it_is_read_then_it_says_where_and_how(
    url: str, topology: Topology, places: tuple[tuple[str, int], ...], options: dict[str, object]
) -> None:
    target = target_of(url)
    assert (target.topology, target.places, target.options) == (topology, places, options)


def test_given_a_sentinel_url_when_it_is_read_then_sentinels_have_credentials_of_their_own() -> None:
    target = target_of("redis+sentinel://star:secret@a/main?sentinel_username=watch&sentinel_password=hush")
    assert target.service == "main"
    assert target.options == {"username": "star", "password": "secret"}
    assert target.sentinel_options == {"username": "watch", "password": "hush"}
    assert not any(secret in repr(target) for secret in SECRETS)


@pytest.mark.parametrize("scheme", ["rediss://a", "rediss+sentinel://a/main", "rediss+cluster://a,b"])
def test_given_tls_when_the_url_is_read_then_certificates_and_names_are_checked(scheme: str) -> None:
    target = target_of(f"{scheme}?ssl_min_version=TLSv1.3")
    context = target.options["ssl_context"]
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_3
    if target.topology is Topology.SENTINEL:
        assert target.sentinel_options["ssl_context"] is context


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("localhost", "no URL"),
        ("localhost:6379", "no URL"),
        ("http://south", "http:// is no kind of state store"),
        ("redis-sentinel://south/main", "redis+sentinel://"),
        ("redis://a,b", "redis+sentinel:// or redis+cluster://"),
        ("redis://south:port", "host:port"),
        ("redis://south:70000", "1 to 65535"),
        ("redis://::1/0", "[brackets]"),
        ("redis://[zz]/0", "IPv6"),
        ("redis://[::1/0", "IPv6"),
        ("redis://south/main", "/DB, DB being a number"),
        ("redis://south/1?db=2", "leave one"),
        ("redis://south?db=main", "db: the number"),
        ("redis://south?health_check_interval=3", "'health_check_interval' is no option"),
        ("redis://south?socket_timeout=3", "STAR87_REDIS_TIMEOUT_MS"),
        ("redis://south?ssl_ca_certs=ca.pem", "begin it with rediss://"),
        ("redis+cluster://south?ssl_ca_certs=ca.pem", "begin it with rediss+cluster://"),
        ("redis://south?db=1&db=2", "twice"),
        ("redis://south#1", "#"),
        ("redis+sentinel://south", "no service is named"),
        ("redis+sentinel://south/", "no service is named"),
        ("redis+sentinel://south/main/zero", "/SERVICE/DB"),
        ("redis+sentinel://south/main/0/1", "/SERVICE/DB"),
        ("redis+sentinel:///main", "host or host:port"),
        ("redis+sentinel://a,,b/main", "commas"),
        ("redis+cluster://a,b/1", "one database only"),
        ("redis+cluster://a,b?sentinel_password=hush", "no option"),
        ("unix://", "three slashes"),
        ("unix://run/redis.sock", "three slashes"),
        ("rediss://south?ssl_ca_certs=/nowhere/ca.pem", "ssl_ca_certs"),
        ("rediss://south?ssl_certfile=/nowhere/own.pem", "ssl_certfile"),
        ("rediss://south?ssl_keyfile=/nowhere/own.key", "needs ssl_certfile"),
        ("rediss://south?ssl_cert_reqs=maybe", "one of none, optional, required"),
        ("rediss://south?ssl_min_version=3", "one of TLSv1.2"),
        ("rediss://south?ssl_ciphers=none-such", "ssl_ciphers"),
        # Passwords that are not written as they must be.
        ("redis://star:se/cret@south/0", "%2F"),
        ("redis://star:se?cret@south/0", "%3F"),
        ("redis://star:se#cret@south/0", "%23"),
        ("redis://star:se[cret@south/0", "%"),
        ("redis://star:se?cret=hush&x@south/0", "%3F"),
        ("secret-hush", "no URL"),
    ],
)
def test_given_a_bad_url_when_it_is_read_then_fault_and_remedy_are_named_and_no_password_is(
    url: str, told: str
) -> None:
    with pytest.raises(BadUrl) as raised:
        target_of(url)
    assert told in str(raised.value)
    assert not any(secret in str(raised.value) for secret in SECRETS)
