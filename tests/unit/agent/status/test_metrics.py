"""Figures as Prometheus reads them, and the dashboard and rules that use them."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from goodhoster_agent.status.nagios import CRITICAL, OK, UNKNOWN, WARNING, judge, performance_data
from goodhoster_agent.status.prometheus_text import Metrics

GRAFANA = Path(__file__).parents[4] / "packaging" / "grafana"
HEALTHY: dict[str, Any] = {
    "answers": True,
    "ready": True,
    "mode": "enforce",
    "degraded": [],
    "overdue_notices": 0,
    "open_notices": 2,
    "open_storms": [],
    "held": 0,
    "queue": 3,
    "oldest_queued_s": 1.5,
    "unchecked": 4,
}


def test_odd_label_values_read_back() -> None:
    metrics, odd = Metrics(), 'a "quoted" \\ path\nand a line é'
    metrics.gauge("made_up_files", "Made up.").add(2.5, source=odd)
    ((family,),) = [list(text_string_to_metric_families(metrics.text()))]
    (sample,) = family.samples
    assert (sample.labels, sample.value, sample.timestamp) == ({"source": odd}, 2.5, None)


def test_the_same_series_is_there_once_and_their_number_is_bounded() -> None:
    metrics = Metrics()
    for number in range(1000):
        metrics.gauge("made_up_files", "Made up.").add(number, source=str(number % 500))
    lines = [line for line in metrics.text().splitlines() if not line.startswith("#")]
    assert len(lines) == len({line.partition(" ")[0] for line in lines}) == 200


def test_a_large_number_keeps_its_digits() -> None:
    metrics = Metrics()
    metrics.gauge("made_up_bytes", "Made up.").add(123_456_789_012_345)
    assert metrics.text().endswith("made_up_bytes 123456789012345\n")


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({}, OK, "3 files wait"),
        ({"answers": False}, UNKNOWN, "does not answer"),
        ({"ready": False}, CRITICAL, "does not run"),
        ({"overdue_notices": 1}, CRITICAL, "1 notices are overdue"),
        ({"degraded": ["a disk is slow", "ALARM: no mover"]}, CRITICAL, "ALARM: no mover"),
        ({"degraded": ["a disk is slow"]}, WARNING, "a disk is slow"),
        ({"open_storms": ["S1 since then"]}, WARNING, "S1"),
        ({"held": 5}, WARNING, "5 matches are held"),
    ],
)
def test_a_plugin_says_the_worst(change: dict[str, Any], code: int, words: str) -> None:
    found, text = judge(HEALTHY | change)
    assert found == code
    assert words in text


def test_performance_data_is_as_plugins_have_it() -> None:
    form = r"[a-z_]+=[0-9.]+(s|B|%|c)?(;[0-9.]*){0,4}"
    assert all(re.fullmatch(form, part) for part in performance_data(HEALTHY).split(" "))


def expressions() -> dict[str, str]:
    board = json.loads((GRAFANA / "goodhoster.json").read_text())
    found = {panel["title"]: target["expr"] for panel in board["panels"] for target in panel["targets"]}
    rules = re.findall(r"alert: (\w+)\n +expr: (.*)", (GRAFANA / "goodhoster.rules.yml").read_text())
    return found | dict(rules)


@pytest.mark.parametrize("title", expressions())
def test_what_dashboard_and_rules_ask_for_is_what_we_print(title: str) -> None:
    printed = set(
        re.findall(r'"(goodhoster_\w+)"', (GRAFANA.parents[1] / "agent/goodhoster_agent/status/metrics.py").read_text())
    )
    asked = set(re.findall(r"goodhoster_\w+", expressions()[title]))
    plain = {re.sub(r"(duration_seconds)_(sum|count)$", r"\1", name) for name in asked}
    assert plain <= printed
    assert asked or "node_textfile" in expressions()[title]


def test_panels_do_not_overlap() -> None:
    board = json.loads((GRAFANA / "goodhoster.json").read_text())
    cells = [
        (x, y)
        for panel in board["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
