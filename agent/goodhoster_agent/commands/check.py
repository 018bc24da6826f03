"""`goodhoster check`: a verdict about files, nothing moved and nothing recorded."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from goodhoster.errors import NotAnUploadError
from goodhoster_agent.case_objects import answer_object, match_object
from goodhoster_agent.commands.options import FINE, UNCHECKED, YES, ConfigOption, JsonOption, open_services, print_json

if TYPE_CHECKING:
    from goodhoster.assembly.services import Services
    from goodhoster.model.uploads import Place
    from goodhoster.model.verdicts import Match, Verdict, VerdictKind
    from goodhoster.toolkit import Toolkit

_AHEAD = 256
"""Files under way at most: the rest of a large tree is not walked before its turn."""
_AGAIN_AFTER = 0.5  # seconds


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result for a path."""

    path: bytes
    verdict: Verdict
    pixels: tuple[int, int] | None = None
    """Width and height of a picture that was opened."""


app = typer.Typer()


@app.command()
def check_command(
    paths: Annotated[list[Path], typer.Argument(help="Files or directories to check.")],
    config: ConfigOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Check files against all sources. Nothing is moved or recorded."""
    with open_services(config) as services, closing(answers(services, paths)) as found:
        code = print_answers(found, as_json=as_json)
    raise typer.Exit(code)


def print_answers(found: Iterable[CheckResult], *, as_json: bool) -> int:
    """Print a line for each answer; returns the exit code of the whole."""
    from goodhoster.model.verdicts import VerdictKind

    kinds: set[VerdictKind] = set()
    for answer in found:
        kinds.add(answer.verdict.kind)
        if as_json:
            print_json(as_object(answer))
        else:
            print(as_text(answer), flush=True)
    if kinds & {VerdictKind.KNOWN, VerdictKind.NEAR}:
        return YES
    return UNCHECKED if VerdictKind.UNCHECKED in kinds else FINE


def answers(services: Services, paths: Iterable[Path]) -> Generator[CheckResult, None, None]:
    """The results in order of the paths; several are examined at the same time.

    What lies in quarantine is not looked at again. To be closed before the services are.
    """
    examine, places = _Examining(services.toolkit), _places(services, paths)
    with ThreadPoolExecutor(services.settings.agent.workers, "check") as pool, closing(examine):
        under_way = [pool.submit(examine, place) for place in islice(places, _AHEAD)]
        while under_way:
            yield under_way.pop(0).result()
            under_way += [pool.submit(examine, place) for place in islice(places, 1)]


def as_object(answer: CheckResult) -> dict[str, Any]:
    """The object that `--json` prints."""
    from goodhoster.model.uploads import exact

    verdict = answer.verdict
    matches = [match_object(match) for match in verdict.matches]
    return {
        "path": exact(answer.path),
        "verdict": verdict.kind,
        "matches": matches,
        "reason": verdict.reason,
        "answered": [answer_object(each) for each in verdict.answered],
        "pixels": answer.pixels,
    }


def as_text(answer: CheckResult) -> str:
    """A line for people."""
    from goodhoster.model.uploads import display

    verdict = answer.verdict
    why = ", ".join(dict.fromkeys(map(_match_text, verdict.matches)))
    words = "; ".join(part for part in (why, verdict.detail or verdict.reason) if part)
    return f"{verdict.kind:<9} {display(answer.path)}" + (f"  [{words}]" if words else "")


def _match_text(match: Match) -> str:
    exempt = f", exempt: {match.exemption}" if match.exemption else ""
    return f"{match.source} ({match.algorithm}, {match.category}{exempt})"


def _places(services: Services, paths: Iterable[Path]) -> Iterator[Place | CheckResult]:
    from goodhoster.model.uploads import Place

    for path in paths:
        whole = os.path.abspath(os.fsencode(path))
        if os.path.isdir(whole) and not os.path.islink(whole):
            yield from _below(services, whole)
        else:
            yield Place(os.path.dirname(whole), os.path.basename(whole))


def _below(services: Services, directory: bytes) -> Iterator[Place | CheckResult]:
    from goodhoster.model.uploads import Place
    from goodhoster.model.verdicts import Verdict, VerdictKind
    from goodhoster_agent.watching.tree_walk import Unreadable, walk

    for found in walk(directory):
        if any(tree.has_in_quarantine(os.path.join(directory, found.directory)) for tree in services.trees):
            continue
        if isinstance(found, Unreadable):
            verdict = Verdict(VerdictKind.UNCHECKED, reason="unreadable", detail=f"directory: {found.reason}")
            yield CheckResult(os.path.join(directory, found.directory), verdict)
        else:
            yield from (Place(directory, os.path.join(found.directory, name)) for name in found.files)


class _Examining:
    """Examines a file, again while it waits for others that take long to open, or for a lease."""

    def __init__(self, toolkit: Toolkit) -> None:
        self._toolkit = toolkit
        self._ending = threading.Event()

    def __call__(self, place: Place | CheckResult) -> CheckResult:
        from goodhoster.linux.leases import LEASES, longest_wait
        from goodhoster.model.uploads import LEASED, POSTPONED

        if isinstance(place, CheckResult):
            return place
        answer, began = self._examined(place), time.monotonic()
        while answer.verdict.reason in {POSTPONED, LEASED} and not self._ending.wait(_AGAIN_AFTER):
            if answer.verdict.reason == LEASED and time.monotonic() - began > longest_wait():
                break
            answer = self._examined(place)
        LEASES.release(place.absolute)
        return answer

    def close(self) -> None:
        """Wait for nothing any more."""
        self._ending.set()

    def _examined(self, place: Place) -> CheckResult:
        from goodhoster.model.verdicts import Verdict, VerdictKind

        try:
            with self._toolkit.examine(place) as checked:
                return CheckResult(place.absolute, checked.verdict, checked.content.pixels if checked.content else None)
        except NotAnUploadError as error:
            return CheckResult(place.absolute, Verdict(VerdictKind.UNCHECKED, reason="no-file", detail=str(error)))
