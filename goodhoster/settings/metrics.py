"""The section about metrics."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goodhoster.settings.values import duration, path, setting


def prom_file(value: Any) -> Path:
    """A path that ends in .prom, as the textfile collector wants it."""
    if not isinstance(value, str) or not value.endswith(".prom") or "\0" in value:
        raise ValueError('a path that ends in .prom, such as "/var/lib/prometheus/node-exporter/goodhoster.prom"')
    return path(value)


@dataclass(frozen=True, slots=True)
class MetricsSettings:
    """[metrics]: a file with figures for Prometheus, written by the daemon."""

    file: Path | None = setting(
        prom_file,
        "In the directory of node_exporter's textfile collector; absent: none is written.",
        default=None,
        example='"/var/lib/prometheus/node-exporter/goodhoster.prom"',
    )
    every: float = setting(duration, "How often it is written.", default=60.0)
