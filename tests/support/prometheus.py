"""A real Prometheus of one's own, which scrapes one node; and what a node's /metrics says."""

from __future__ import annotations

import http.client
import json
import math
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from prometheus_client.parser import text_string_to_metric_families

from tests.support.ports import LOOPBACK, free_port
from tests.support.until import until

READY_WITHIN_S = 20.0
Sample = tuple[dict[str, str], float]


def scraped(port: int) -> str:
    """What a node says at /metrics; raises AssertionError when that is no 200."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=10)
    try:
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        assert answer.status == 200
        return answer.read().decode()
    finally:
        connection.close()


def figure(text: str, name: str, **labels: str) -> float:
    """The sum of the samples of that name which have these labels; raises AssertionError when there is none."""
    found = [
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]
    assert found, f"no {name} {labels} in\n{text}"
    return sum(found)


class Prometheus:
    """A context in which a server scrapes every second and evaluates these rules."""

    def __init__(self, folder: Path, target: int, rules: Iterable[Path] = ()) -> None:
        self._folder, self._port = folder, free_port()
        config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(rule.resolve()) for rule in rules],
            "scrape_configs": [
                {"job_name": "star87", "static_configs": [{"targets": [f"{LOOPBACK}:{target}"]}]},
            ],
        }
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "prometheus.yaml").write_text(json.dumps(config))

    def __enter__(self) -> Self:
        with (self._folder / "prometheus.log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    "/usr/bin/prometheus",
                    f"--config.file={self._folder}/prometheus.yaml",
                    f"--storage.tsdb.path={self._folder}/tsdb",
                    f"--web.listen-address={LOOPBACK}:{self._port}",
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            until(self._is_ready, within_s=READY_WITHIN_S, what=lambda: (self._folder / "prometheus.log").read_text())
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(READY_WITHIN_S)

    def query(self, expression: str) -> list[Sample]:
        """The samples that an expression has now; those that are no number are left out."""
        query = urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(f"http://{LOOPBACK}:{self._port}/api/v1/query?{query}", timeout=10) as answer:
            result = json.load(answer)["data"]["result"]
        found = [(sample["metric"], float(sample["value"][1])) for sample in result]
        return [sample for sample in found if not math.isnan(sample[1])]

    def _is_ready(self) -> bool:
        assert self._process.poll() is None, (self._folder / "prometheus.log").read_text()
        try:
            with urllib.request.urlopen(f"http://{LOOPBACK}:{self._port}/-/ready", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False
