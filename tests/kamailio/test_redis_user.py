"""A node that comes to its store as the user of docker/redis/users.acl: all of it works, and nothing was refused."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import cast

from tests.kamailio.test_agents_command import DOCUMENT, DOMAIN
from tests.support.phone import Phone
from tests.support.ports import LOOPBACK, free_port
from tests.support.redis_acl import as_node, users_with_default
from tests.support.redis_server import RedisServer
from tests.support.run import Run
from tests.support.talks import Ringing, take_over


def test_given_the_user_of_nodes_when_a_node_calls_queues_and_picks_up_then_redis_refuses_nothing(
    evidence: Path,
) -> None:
    with RedisServer("--aclfile", str(users_with_default(evidence))) as server:
        port = free_port()
        run = Run(evidence, port, document=DOCUMENT, environment={"STAR87_REDIS_URL": as_node(server)})
        try:
            run.await_ready()
            with ExitStack() as phones:
                named = {
                    number: phones.enter_context(Phone(f"{LOOPBACK}:{port}", number, domain=DOMAIN))
                    for number in ("103", "104", "201", "202")
                }
                dave, alice, oscar = named["104"], named["201"], named["202"]
                assert dave.registers().status == 200
                call = alice.dials("800")
                call.expects(182)
                offer = dave.rung()
                offer.answers(180)
                call.expects(180)
                take_over(Ringing(alice, dave, call, offer), named["103"], "*87800")
                assert run.star87("agents", "logout", "104", "--domain", DOMAIN).returncode == 0
                waits = oscar.dials("800")
                waits.expects(182)
                assert run.star87("drain").returncode == 0
                assert waits.ends_with().status == 503
            for words in (["calls"], ["events"], ["agents", "list"], ["migrate", "--dry-run"]):
                assert run.star87(*words).returncode == 0, words
            assert run.star87("backup", str(evidence / "backup.json")).returncode == 0
            assert run.star87("restore", str(evidence / "backup.json")).returncode == 0
        finally:
            run.clean_up()
        assert "the state store" not in (evidence / "n" / "kamailio.log").read_text(errors="replace")
        with server.client() as client:
            log = cast(list[dict[str, str]], client.acl_log())
            assert [entry for entry in log if entry["username"] == "star87"] == []
