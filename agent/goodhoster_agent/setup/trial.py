"""A bounded look at the files that are there already, nothing recorded."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from goodhoster.model.verdicts import VerdictKind
from goodhoster_agent.commands.check import CheckResult, answers

if TYPE_CHECKING:
    from goodhoster.assembly.services import Services

SECONDS = 60.0
"""For the whole trial."""
_SHOWN = 10


@dataclass(slots=True)
class Trial:
    """The result of the look."""

    files: int = 0
    complete: bool = True
    """Every file was looked at."""
    seconds: float = 0.0
    verdicts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    """Of the unchecked ones."""
    found: list[CheckResult] = field(default_factory=list)
    """The first known and near ones."""


def look(services: Services, trees: Sequence[str], most: int, tell: Callable[[int], None]) -> Trial:
    """Look at `most` files at most, an equal share of each tree.

    `tell` is called with the number looked at so far.
    """
    began, trial = time.monotonic(), Trial()
    for tree in trees:
        looked = 0
        with closing(answers(services, [Path(tree)])) as found:
            for answer in found:
                if looked >= max(1, most // len(trees)) or time.monotonic() - began > SECONDS:
                    trial.complete = False
                    break
                looked += 1
                _count(trial, answer)
                tell(trial.files)
    trial.seconds = round(time.monotonic() - began, 3)
    return trial


def _count(trial: Trial, answer: CheckResult) -> None:
    kind = answer.verdict.kind
    trial.files += 1
    trial.verdicts[kind] += 1
    if kind is VerdictKind.UNCHECKED:
        trial.reasons[answer.verdict.reason or "unknown"] += 1
    if kind in {VerdictKind.KNOWN, VerdictKind.NEAR} and len(trial.found) < _SHOWN:
        trial.found.append(answer)
