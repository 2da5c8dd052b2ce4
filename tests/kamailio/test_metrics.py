"""/metrics of a real node with calls and pickups, as a real Prometheus reads it; the dashboard and the alerts on it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.node import Node
from tests.support.pickups import connect, ends_elsewhere, send_for, with_queue
from tests.support.ports import free_port
from tests.support.prometheus import Prometheus, figure, scraped
from tests.support.redis_server import RedisServer
from tests.support.run import Run
from tests.support.talks import ring, take_over
from tests.support.tenants import Tenant, Tenants
from tests.support.until import until

DOCKER = Path("docker")
DASHBOARD = DOCKER / "grafana/star87.json"
ALERTS = DOCKER / "prometheus/alerts.yaml"
CHANGE = with_queue
HEALTH = free_port()


@pytest.fixture(scope="module", autouse=True)
def node(tenants: Tenants, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    document = yaml.safe_load(tenants.document())
    silent = {"name": "silent", "sources": ["127.0.0.9:5060"], "destinations": [f"sip:127.0.0.9:{free_port()}"]}
    document["trunks"] = [silent]
    health = {"STAR87_HEALTH": f"127.0.0.1:{HEALTH}", "STAR87_METRICS_DOMAINS": "4"}
    with Node(tmp_path_factory.mktemp("node"), yaml.safe_dump(document), environment=health) as node:
        yield node


def a_bit_of_everything(tenant: Tenant) -> None:
    """A pickup by Replaces, one by reroute, one without permission, one of nothing; all calls end."""
    bob, alice = tenant.phone("101", register=True), tenant.phone("104")
    take_over(ring(alice, bob), carol := tenant.phone("103"), "*87101").ends(alice)
    call = ring(alice, bob, supported="")
    _, picker, _ = connect(call.outgoing, send_for(carol, "*87101"))
    ends_elsewhere(call.inbound)
    picker.ends(alice)
    assert tenant.phone("105").dials("*87101").ends_with().status == 403
    assert carol.dials("*87102").ends_with().status == 480


def test_given_calls_and_pickups_when_scraped_then_each_is_counted_once_and_what_rings_and_waits_is_there(
    tenant: Tenant,
) -> None:
    before = scraped(HEALTH)
    a_bit_of_everything(tenant)
    dave, erin = tenant.phone("104"), tenant.phone("105")
    call = ring(dave, tenant.phone("101", register=True))
    waiting = erin.dials("800")
    waiting.expects(182)
    tenant.node.settle()
    text = scraped(HEALTH)

    def grew(name: str, **labels: str) -> float:
        return figure(text, name, **labels) - (figure(before, name, **labels) if name in before else 0)

    outcomes = [
        ("picked_up", "replaces", 1),
        ("picked_up", "reroute", 1),
        ("not_permitted", "none", 1),
        ("nothing_eligible", "none", 1),
    ]
    for outcome, mode, count in outcomes:
        assert figure(text, "star87_pickups_total", domain=tenant.domain, outcome=outcome, mode=mode) == count
    assert figure(text, "star87_pickups_total", domain=tenant.domain) == len(outcomes), "and nothing else"
    assert grew("star87_claims_total") == 2
    assert grew("star87_reroutes_total", result="done") == 1
    assert grew("star87_pickup_races_total") == 0
    assert grew("star87_pickup_search_duration_seconds_count") == 3, "403 did not search"
    for mode in ("replaces", "reroute"):
        assert figure(text, "star87_pickup_duration_seconds_count", mode=mode) >= 1
        assert 0 < figure(text, "star87_pickup_duration_seconds_sum", mode=mode) < 60
    assert figure(text, "star87_calls_ringing", domain=tenant.domain) == 1
    assert figure(text, "star87_calls_waiting", domain=tenant.domain) == 1
    assert 0 < figure(text, "star87_oldest_waiting_seconds", domain=tenant.domain) < 60
    assert figure(text, "star87_claims_expired_total", domain=tenant.domain) == 0
    assert figure(text, "star87_ready") == 1
    assert figure(text, "star87_check_ok", check="store") == 1
    assert figure(text, "star87_store_breakers_open") == 0
    assert figure(text, "star87_store_operation_duration_seconds_count") > 4
    assert grew("kamailio_requests_received_total", method="invite") >= 8

    call.ends()
    waiting.gives_up()
    tenant.node.settle()
    text = scraped(HEALTH)
    assert figure(text, "star87_calls_ringing", domain=tenant.domain) == 0
    assert figure(text, "star87_calls_waiting", domain=tenant.domain) == 0


def test_given_a_callee_who_was_faster_when_scraped_then_the_lost_race_is_counted(tenant: Tenant) -> None:
    bob, dave = tenant.phone("101", register=True), tenant.phone("104")
    before = figure(scraped(HEALTH), "star87_pickup_races_total", result="too_late")
    call = ring(dave, bob)
    call.inbound.answers(200)
    call.outgoing.dialog(call.outgoing.expects(200))
    assert tenant.phone("103").dials("*87101").ends_with().status == 410
    text = scraped(HEALTH)
    assert figure(text, "star87_pickup_races_total", result="too_late") - before == 1
    assert figure(text, "star87_pickups_total", domain=tenant.domain, outcome="already_answered") == 1


def test_given_more_tenants_than_have_series_when_scraped_then_the_others_are_one(node: Node, tenants: Tenants) -> None:
    taken = [tenants.take(node) for _ in range(6)]
    calls = [ring(tenant.phone("104"), tenant.phone("101", register=True)) for tenant in taken]
    node.settle()
    text = scraped(HEALTH)
    shown = [line for line in text.splitlines() if line.startswith("star87_calls_ringing{")]
    assert len(shown) == 5, "four and `other`"
    assert figure(text, "star87_calls_ringing") == len(calls), "none is lost"
    assert figure(text, "star87_calls_ringing", domain="other") >= 2
    for call in calls:
        call.ends()
    for tenant in taken:
        tenant.close()


def test_given_a_scrape_when_promtool_checks_it_then_names_and_units_are_as_prometheus_wants_them() -> None:
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=scraped(HEALTH), capture_output=True, text=True, timeout=30
    )
    assert (checked.returncode, checked.stderr) == (0, "")


def panels() -> dict[str, list[str]]:
    """The queries of each panel of the dashboard."""
    found: dict[str, Any] = json.loads(DASHBOARD.read_text())
    return {
        panel["title"]: [target["expr"].replace("$__rate_interval", "30s") for target in panel["targets"]]
        for panel in found["panels"]
        if panel["type"] != "row"
    }


def test_given_traffic_when_prometheus_evaluates_the_dashboard_then_every_query_of_every_panel_has_data(
    tenant: Tenant, tmp_path: Path
) -> None:
    a_bit_of_everything(tenant)
    with Prometheus(tmp_path, HEALTH, [ALERTS]) as prometheus:
        until(lambda: prometheus.query("star87_pickups_total"), what="a first scrape")
        a_bit_of_everything(tenant)
        queries = [(title, query) for title, queries in panels().items() for query in queries]
        assert len(queries) > 30
        for title, query in queries:
            until(partial(prometheus.query, query), within_s=15, what=f"data in {title!r}: {query}")
        ran = prometheus.query('sum(increase(star87_pickups_total{outcome="picked_up"}[30s]))')
        assert ran[0][1] > 0, "the traffic was seen"
        # No rule fails to be evaluated, whether or not it has anything to tell.
        assert prometheus.query("sum(prometheus_rule_evaluation_failures_total)") in ([], [({}, 0.0)])
        assert until(lambda: prometheus.query('ALERTS{alertname="Star87GatewayDown"}'), within_s=30)
        firing = {labels["alertname"] for labels, _ in prometheus.query("ALERTS")}
        # How fast the store is, is the machine's affair here.
        firing.discard("Star87StoreSlow")
        assert firing == {"Star87GatewayDown"}, "the trunk is silent, and all else is well"


def test_given_the_alert_rules_when_promtool_tries_them_then_each_tells_what_it_should_and_no_more() -> None:
    for words in (("check", "rules", str(ALERTS)), ("check", "config", str(DOCKER / "prometheus/prometheus.yaml"))):
        checked = subprocess.run(["promtool", *words], capture_output=True, text=True, timeout=30)
        assert checked.returncode == 0, checked.stdout + checked.stderr
    tests = DOCKER / "prometheus/alerts.test.yaml"
    tried = subprocess.run(["promtool", "test", "rules", str(tests)], capture_output=True, text=True, timeout=60)
    assert tried.returncode == 0, tried.stdout + tried.stderr
    named = {rule["alert"] for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]}
    fired = {
        case["alertname"]
        for test in yaml.safe_load(tests.read_text())["tests"]
        for case in test["alert_rule_test"]
        if case.get("exp_alerts")
    }
    assert named == fired, "each is seen to fire"


def test_given_a_store_that_goes_when_scraped_then_the_breaker_is_open_until_it_is_back(evidence: Path) -> None:
    port = free_port()
    with RedisServer() as store:
        run = Run(evidence, free_port(), "--redis", store.url, "--health", f"127.0.0.1:{port}")
        try:
            run.await_ready()
            assert figure(scraped(port), "star87_store_breakers_open") == 0
            assert figure(scraped(port), "star87_calls_ringing") == 0
            store.kill()
            until(lambda: figure(scraped(port), "star87_store_breakers_open") > 0, what="an open breaker")
            text = scraped(port)
            assert figure(text, "star87_check_ok", check="store") == 0
            assert figure(text, "star87_ready") == 1, "it is degraded"
            assert figure(text, "star87_store_failures_total") > 0
            assert "star87_calls_ringing{" not in text, "nobody knows"
            store.start()
            until(lambda: figure(scraped(port), "star87_store_breakers_open") == 0, within_s=15, what="a closed one")
            assert figure(scraped(port), "star87_check_ok", check="store") == 1
        finally:
            run.clean_up()
