"""Identity providers asked again, and customers compared again with lists.

A message of a provider may be lost: each session that is not settled is asked about, more and more seldom. Customers
are compared with every kept list, and with those of [screening], when one of them or the register has changed.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from goodhoster.assembly.services import Services
from goodhoster.errors import GoodhosterError
from goodhoster.model.cases import Order
from goodhoster.model.customers.vetting import FINAL_OUTCOMES, CheckOutcome, IdentitySession
from goodhoster_agent.background.periodic import PeriodicTask

if TYPE_CHECKING:
    from goodhoster.customers.vetting.desk import VettingDesk

_log = logging.getLogger(__name__)
_POLL_SECONDS = 60.0
_FIRST_RETRY_SECONDS = 600.0
_LONGEST_RETRY_SECONDS = 86_400.0
_MOST_PULLS = 200
"""Questions in one run."""
_AFTER_FAILURE = 600.0
_BY_DAEMON = Order("goodhoster run", "the list or a customer has changed")


@dataclass(slots=True)
class _Waiting:
    """A session that is not settled."""

    session: IdentitySession
    at: float
    """When it is asked about next."""
    pause: float = _FIRST_RETRY_SECONDS


class IdentityTask(PeriodicTask):
    """Runs over the sessions of identity providers."""

    def __init__(self, vetting: Callable[[], VettingDesk | None], now: Callable[[], float] = time.monotonic) -> None:
        self._vetting = vetting
        self._now = now
        self._seen = 0
        self._waiting: list[_Waiting] = []
        super().__init__("identity", self.run_once, "identity providers cannot be asked now", _AFTER_FAILURE)

    def run_once(self) -> float:
        """One run; the seconds until the next."""
        desk = self._vetting()
        if desk is None:
            return _POLL_SECONDS
        while new := desk.sessions(self._seen):
            self._seen = new[-1].number
            self._waiting += [_Waiting(session, self._now()) for session in new]
        silent: set[str] = set()
        settled: list[_Waiting] = []
        for waiting in [one for one in self._waiting if one.at <= self._now()][:_MOST_PULLS]:
            if self.stopping.is_set():
                break
            if waiting.session.provider not in silent and self._is_settled(desk, waiting, silent):
                settled.append(waiting)
        self._waiting = [one for one in self._waiting if one not in settled]
        return _POLL_SECONDS

    def _is_settled(self, desk: VettingDesk, waiting: _Waiting, silent: set[str]) -> bool:
        """Ask about one session; a provider that does not answer is not asked again this run."""
        outcome = desk.pull(waiting.session)
        if outcome is None or outcome in FINAL_OUTCOMES:
            return True
        waiting.at = self._now() + waiting.pause
        waiting.pause = min(2 * waiting.pause, _LONGEST_RETRY_SECONDS)
        if outcome is CheckOutcome.UNCHECKED:
            silent.add(waiting.session.provider)
        return False


class ScreeningTask(PeriodicTask):
    """Runs that compare customers with lists where one of them has changed."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._compared: dict[str, tuple[object, ...]] = {}
        self._troubles: dict[str, str] = {}
        super().__init__("screening", self.run_once, "customers cannot be compared with lists now", _AFTER_FAILURE)

    def problems(self) -> list[str]:
        """What could not be compared, for `status`."""
        troubles = [f"customers are not compared with {name}: {why}" for name, why in sorted(self._troubles.items())]
        return [*super().problems(), *troubles]

    def run_once(self) -> float:
        """One run; the seconds until the next."""
        customers, settings = self._services.customers, self._services.settings.screening
        if not customers.in_use:
            return settings.every
        lists = dict(customers.kept_lists.all()) | {file.stem: file for file in settings.lists}
        for name, file in lists.items():
            if self.stopping.is_set():
                break
            self._compare(name, file)
        self._troubles = {name: why for name, why in self._troubles.items() if name in lists}
        return settings.every

    def _compare(self, name: str, file: Path) -> None:
        try:
            now = (file, *_state_of(file), self._services.customers.store.generation())
            if self._compared.get(name) == now:
                return
            desk = self._services.customers.screening()
            compare = partial(desk.screen, name, order=_BY_DAEMON)
            kept = self._services.customers.kept_lists
            run = compare(file) if file.parent == kept.folder else kept.replace(name, file, compare)
        except (GoodhosterError, OSError) as error:
            if self._troubles.get(name) != str(error):
                _log.error("customers cannot be compared with %s now: %s", name, error)
            self._troubles[name] = str(error)
            return
        self._troubles.pop(name, None)
        self._compared[name] = now
        if run.found or run.withdrawn:
            _log.warning("%s: %d findings are new, %d are withdrawn: goodhoster customers findings", name, run.found,
                         run.withdrawn)  # fmt: skip


def _state_of(file: Path) -> tuple[int, int, int]:
    found = file.stat()
    return found.st_mtime_ns, found.st_size, found.st_ino
