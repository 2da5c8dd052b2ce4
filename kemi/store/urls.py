"""Where the state store is, as a URL: one Redis, Sentinels that know the primary, or a Cluster.

    redis://[user:password@]host[:6379][/db]           rediss:// with TLS
    unix://[user:password@]/path/to/socket[?db=0]
    redis+sentinel://[user:password@]host[:26379],host…/service[/db]     rediss+sentinel:// with TLS to all of them
    redis+cluster://[user:password@]host[:6379],host…                    rediss+cluster:// with TLS

Options are a query, as redis-py names them. An error never shows what may be a password.
"""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, cast
from urllib.parse import parse_qsl, unquote, urlencode

from redis.connection import parse_url

from kemi.store.links import Link, TcpLink, TlsLink, UnixLink

Place = tuple[str, int]
"""Host and port."""


class Topology(Enum):
    ONE = "one Redis"
    SENTINEL = "Sentinels"
    CLUSTER = "a Cluster"


FORMS = (
    "redis://host:6379/0, rediss://host:6379/0, unix:///path/to/socket, "
    "redis+sentinel://host:26379,host:26379/service or redis+cluster://host:6379,host:6379"
)
ENCODE = "in a user or password write % as %25, / as %2F, ? as %3F, # as %23, @ as %40 and : as %3A"
SCHEMES = {
    "redis": (Topology.ONE, False),
    "rediss": (Topology.ONE, True),
    "unix": (Topology.ONE, False),
    "redis+sentinel": (Topology.SENTINEL, False),
    "rediss+sentinel": (Topology.SENTINEL, True),
    "redis+cluster": (Topology.CLUSTER, False),
    "rediss+cluster": (Topology.CLUSTER, True),
}
PORTS = {Topology.ONE: 6379, Topology.SENTINEL: 26379, Topology.CLUSTER: 6379}
HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\s:\[\]@/]+))(?::([0-9]{1,5}))?")
OF_ALL = frozenset({"db", "username", "password", "client_name"})
OF_TCP = frozenset({"socket_keepalive"})
OF_TLS = frozenset(
    {
        *("ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile", "ssl_password"),
        *("ssl_cert_reqs", "ssl_check_hostname", "ssl_min_version", "ssl_ciphers"),
    }
)
OF_SENTINELS = frozenset({"sentinel_username", "sentinel_password"})
TIMES = frozenset({"socket_timeout", "socket_connect_timeout", "timeout"})
REQUIREMENTS = {"none": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}


class BadUrl(ValueError):
    """Names the fault and the remedy, and no password."""


@dataclass(frozen=True)
class Target:
    """What a URL says."""

    topology: Topology
    places: tuple[Place, ...]
    """Of the Redis, of the Sentinels, or of some nodes of the Cluster; none: a unix socket."""
    options: dict[str, Any] = field(repr=False)
    """For a connection to a Redis."""
    service: str = ""
    """What the Sentinels call it."""
    sentinel_options: dict[str, Any] = field(default_factory=dict, repr=False)
    """For a connection to a Sentinel."""

    def link(self, place: Place | None = None) -> Link:
        """A connection to a Redis, not yet open."""
        return _link(place, self.options)

    def sentinel_link(self, place: Place) -> Link:
        return _link(place, self.sentinel_options)


def _link(place: Place | None, options: dict[str, Any]) -> Link:
    if place is None:
        return cast(Link, cast(Any, UnixLink)(**options))
    kind = TlsLink if "ssl_context" in options else TcpLink
    return cast(Link, kind(host=place[0], port=place[1], **options))


def target_of(url: str) -> Target:
    """Read a URL; raises BadUrl."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in SCHEMES:
        fault = f"{scheme}:// is no kind of state store" if separator and scheme.isascii() else "that is no URL"
        raise BadUrl(f"{fault}; give {FORMS}")
    topology, tls = SCHEMES[scheme]
    # urllib.parse knows one host only.
    before, _, asked = rest.partition("?")
    netloc, slash, path = before.partition("/")
    if "#" in rest:
        raise BadUrl(f"a # has no meaning there; {ENCODE}")
    query = _query(asked, scheme, topology, tls)
    credentials, at, hosts = netloc.rpartition("@")
    if scheme == "unix":
        if hosts or not path:
            raise BadUrl("unix:// needs the absolute path of a socket, with three slashes: unix:///path/to/socket")
        return Target(topology, (), _options(f"unix://{credentials}{at}{slash}{path}", query, tls))
    places = tuple(_place(text, scheme, PORTS[topology]) for text in hosts.split(","))
    if topology is Topology.ONE and len(places) > 1:
        raise BadUrl(f"{scheme}:// names one host; several are for redis+sentinel:// or redis+cluster://")
    service, database = _path(path, topology)
    if database and "db" in query:
        raise BadUrl("the database stands in the path and as db=: leave one of them off")
    if database:
        query["db"] = database
    if topology is Topology.CLUSTER and query.get("db", "0").strip("0"):
        raise BadUrl("a Redis Cluster has one database only: leave the number off")
    of_sentinels = {name.removeprefix("sentinel_"): query.pop(name) for name in OF_SENTINELS & query.keys()}
    options = _options(f"redis://{credentials}{at}", query, tls)
    sentinel_options = _options("redis://", of_sentinels, tls=False)
    if tls:
        sentinel_options["ssl_context"] = options["ssl_context"]
    return Target(topology, places, options, service, sentinel_options)


def _query(text: str, scheme: str, topology: Topology, tls: bool) -> dict[str, str]:
    known = OF_ALL
    if scheme != "unix":
        known |= OF_TCP
    if tls:
        known |= OF_TLS
    if topology is Topology.SENTINEL:
        known |= OF_SENTINELS
    query: dict[str, str] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        if name in TIMES:
            raise BadUrl(f"{name} cannot be set there: STAR87_REDIS_TIMEOUT_MS says how long a worker waits")
        if name in OF_TLS and not tls:
            raise BadUrl(f"{name} is for TLS, which this URL does not ask for: begin it with {_with_tls(scheme)}://")
        if name not in known:
            # What is not known may be the rest of a password.
            shown = f"{name!r} is" if re.fullmatch(r"[a-z_]+", name) and "@" not in text else "there is what is"
            raise BadUrl(f"{shown} no option of {scheme}://; those are {', '.join(sorted(known))}; {ENCODE}")
        if name in query:
            raise BadUrl(f"{name} stands there twice")
        query[name] = value
    if not query.get("db", "0").isdigit():
        raise BadUrl("db: the number of a database is needed")
    return query


def _with_tls(scheme: str) -> str:
    return "rediss" if scheme == "unix" else scheme.replace("redis", "rediss", 1)


def _place(text: str, scheme: str, port: int) -> Place:
    match = HOST.fullmatch(text)
    if not match or not 0 < int(match[3] or port) < 65536:
        raise BadUrl(
            f"{scheme}:// needs host or host:port, port 1 to 65535, an IPv6 address in [brackets], "
            f"several with commas between; {ENCODE}"
        )
    return match[1] or match[2], int(match[3] or port)


def _path(path: str, topology: Topology) -> tuple[str, str]:
    """Service and database."""
    words = [unquote(word) for word in path.strip("/").split("/")] if path.strip("/") else []
    service = ""
    if topology is Topology.SENTINEL:
        if not words:
            raise BadUrl("no service is named: redis+sentinel://host:26379/NAME, as in `sentinel monitor NAME …`")
        service = words.pop(0)
    database = words.pop(0) if words else ""
    if words or not (database or "0").isdigit():
        form = "/SERVICE or /SERVICE/DB" if service else "/DB"
        raise BadUrl(f"after the hosts comes {form}, DB being a number; {ENCODE}")
    return service, database


def _options(url: str, query: dict[str, str], tls: bool) -> dict[str, Any]:
    """redis-py's own reading of user, password, path and options."""
    converted: dict[str, str] = {name: query[name] for name in ("db", "socket_keepalive") if name in query}
    try:
        options: dict[str, Any] = dict(parse_url(f"{url}?{urlencode(converted)}"))  # type: ignore[no-untyped-call]
    except ValueError as error:
        raise BadUrl(f"user, password or an option cannot be read; {ENCODE}") from error
    options.pop("connection_class", None)
    options.update({name: query[name] for name in OF_ALL - {"db"} if name in query})
    if tls:
        options["ssl_context"] = _context({name: query[name] for name in OF_TLS & query.keys()})
    return options


def _context(given: dict[str, str]) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=given.get("ssl_ca_certs"), capath=given.get("ssl_ca_path"))
    except (OSError, ValueError) as error:
        raise BadUrl(f"ssl_ca_certs or ssl_ca_path cannot be read as certificates: {error}") from error
    requirement = given.get("ssl_cert_reqs", "required")
    if requirement not in REQUIREMENTS:
        raise BadUrl(f"ssl_cert_reqs: one of {', '.join(REQUIREMENTS)}")
    checks = given.get("ssl_check_hostname", "true").lower() not in {"0", "f", "false", "n", "no"}
    context.check_hostname = checks and requirement != "none"
    context.verify_mode = REQUIREMENTS[requirement]
    if "ssl_certfile" in given:
        try:
            context.load_cert_chain(given["ssl_certfile"], given.get("ssl_keyfile"), given.get("ssl_password", ""))
        except (OSError, ValueError) as error:
            raise BadUrl(
                f"ssl_certfile or ssl_keyfile cannot be read, or ssl_password is not theirs: {error}"
            ) from error
    elif "ssl_keyfile" in given:
        raise BadUrl("ssl_keyfile needs ssl_certfile")
    if "ssl_min_version" in given:
        versions = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}
        if given["ssl_min_version"] not in versions:
            raise BadUrl(f"ssl_min_version: one of {', '.join(versions)}")
        context.minimum_version = versions[given["ssl_min_version"]]
    if "ssl_ciphers" in given:
        try:
            context.set_ciphers(given["ssl_ciphers"])
        except ssl.SSLError as error:
            raise BadUrl("ssl_ciphers: none of them is known to OpenSSL") from error
    return context
