"""The daemon with one configuration: it watches, checks, runs regular tasks, stops cleanly."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from goodhoster.assembly.services import Services
from goodhoster.assembly.state import lost_parts, note_lost_record, trees_of, watched_roots
from goodhoster.cases.rebuilding import rebuild
from goodhoster.errors import ConfigurationError, GoodhosterError
from goodhoster.evidence.quarantine.survey import label_of, quarantined
from goodhoster.model.audit import AuditEvent
from goodhoster.model.cases import Case, CaseState
from goodhoster.model.uploads import display
from goodhoster.ports import CaseQuery, Mover
from goodhoster.uploads.private_communication import note_private_watching
from goodhoster_agent.background.alerts import AlertWork
from goodhoster_agent.background.checkpoints import CheckpointTask
from goodhoster_agent.background.daily import DailyWork
from goodhoster_agent.background.late_measures import LateMeasureTask
from goodhoster_agent.background.log_verification import LogVerificationTask
from goodhoster_agent.background.metrics_file import MetricsFile
from goodhoster_agent.background.notices import NoticeWork
from goodhoster_agent.background.optional_tasks import (
    crawl_tasks,
    customer_tasks,
    panel_tasks,
    purge_tasks,
    tasks_of_buckets,
)
from goodhoster_agent.background.requery import RequeryTask
from goodhoster_agent.background.retention import RetentionTask
from goodhoster_agent.background.retro_match import RetroMatch
from goodhoster_agent.background.sealing import SealingTask
from goodhoster_agent.background.standing import StandingTask
from goodhoster_agent.background.workers import UploadWorkers
from goodhoster_agent.hashing.pool import HashingPool
from goodhoster_agent.privileged.starter.launch import Supervisor
from goodhoster_agent.status.daemon_report import DaemonReport, forget_report, source_as_object, write_report
from goodhoster_agent.watching.source_choice import choose_source
from goodhoster_agent.watching.watcher import Rhythm, Watcher

_log = logging.getLogger(__name__)
_RECOVER_EVERY = 60.0
"""Seconds between tries of what failed or was left under way."""
_RESUME_EVERY = 5.0
"""Seconds between tries of what only waits for the mover."""


@dataclass(frozen=True, slots=True)
class PrivilegedProcesses:
    """Processes that do what a daemon may not."""

    supervisor: Supervisor
    not_given_up: list[str]
    """What the daemon may still do all the same, in words."""


class Daemon:
    """Everything that runs with one configuration: created, started and stopped together."""

    def __init__(self, services: Services, mover: Mover, privileged: PrivilegedProcesses) -> None:
        agent = services.settings.agent
        self._services = services
        self._mover = mover
        self._not_given_up = privileged.not_given_up
        self._workers = UploadWorkers(services.index, services.toolkit, services.trees, agent.workers)
        source = choose_source(agent.events, [tree.root for tree in services.trees], privileged.supervisor.starter)
        rhythm = Rhythm(agent.reconcile_every, agent.settle)
        self._watcher = Watcher(services.trees, services.index, source, rhythm)
        self._watcher.roots_now = partial(watched_roots, services.settings)
        self._workers.calls = source.calls
        if isinstance(services.hasher, HashingPool):
            services.hasher.slow = self._workers.note_slow
        self._watcher.queued = self._workers.notify
        self._workers.link_found = self._watcher.look_at_link
        self._late = LateMeasureTask(services.toolkit)
        retro, again = RetroMatch(services, self._workers.notify), RequeryTask(services, self._workers.notify)
        self._daily, self._standing = DailyWork(services), StandingTask(services)
        self._sealing = SealingTask(services)
        self._verification = LogVerificationTask(services)
        daily = (self._daily.task, self._verification.task, RetentionTask(services).task)
        about_customers = (*daily, self._standing.task, *panel_tasks(services), *customer_tasks(services))
        about_customers += (*purge_tasks(services), *crawl_tasks(services))
        self._tasks = (retro.task, again.task, self._late.task, *about_customers, *self._sealing.tasks)
        self._buckets = tasks_of_buckets(services)
        self._tasks += tuple(task for bucket in self._buckets for task in bucket.tasks)
        self._alerts = AlertWork(services.alerts, services) if services.alerts else None
        metrics = services.settings.metrics.file
        self._metrics = MetricsFile(services, metrics) if metrics else None
        self._tasks += (self._metrics.task,) if self._metrics else ()
        self._checkpoints = CheckpointTask(services.settings)
        self._notices = NoticeWork(services.notices, services.settings)
        self._recover_at = self._resume_at = 0.0
        self._last_logged = ""

    def start(self) -> None:
        """Finish what a crash left, then check and watch. Returns when watching."""
        mode = self._mode
        trees = [display(tree.root) for tree in self._services.trees]
        self._services.audit.append(AuditEvent("daemon.started", {"mode": mode, "trees": trees}))
        self._rebuild_cases()
        for lost in lost_parts(self._services.settings):
            _log.error("a part of the state directory is lost: %s", lost)
        note_private_watching(self._services.audit, self._services.trees)
        threading.Thread(target=self._prepare, name="prepare", daemon=True).start()
        self._try_again(time.monotonic())
        self._workers.start()
        self._watcher.start()
        for task in self._tasks:
            task.start()
        self._checkpoints.start()
        self._notices.start()
        if self._alerts:
            self._alerts.task.start()
        self.tick()
        _log.info("watching %s with %s, mode %s", ", ".join(trees) or "nothing", self._watcher.source.name, mode)

    def _prepare(self) -> None:
        """Make quarantines with their reserve, and the file of URL blocks, before they are needed.

        In a thread of its own: a disk that does not answer delays nothing.
        """
        # In mode observe nothing is made on customers' disks, not even an empty directory.
        for tree in self._services.trees if self._services.rules.enforce else ():
            try:
                self._services.desk.quarantine.prepare(tree.root)
            except GoodhosterError as error:
                _log.warning("the quarantine of %s is not prepared: %s; %s", display(tree.root), error, error.hint)
        try:
            if blocks := self._services.notices.blocks:
                blocks.prepare()
        except (GoodhosterError, OSError) as error:
            _log.warning("the file of blocked addresses cannot be written: %s", error)

    def _rebuild_cases(self) -> None:
        """Rebuild the cases of files in quarantine that the record does not know.

        Then a person can put these files back. Where it knows no case at all, it was lost with everything beside it.
        """
        had_cases = bool(self._services.desk.store.ids(CaseQuery(newest=1)))
        rebuilt: list[Case] = []
        for tree in self._services.trees:
            try:
                found = rebuild(self._services.desk, quarantined(tree.root), partial(label_of, tree.root))
            except (GoodhosterError, OSError) as error:
                _log.error("the quarantine of %s was not compared with the record: %s", display(tree.root), error)
                continue
            for case in found:
                _log.warning("case %s: %s is in quarantine: %s", case.id, case.upload.place, case.reason)
            rebuilt += found
        if rebuilt and not had_cases:
            note_lost_record(self._services.settings, min(case.id for case in rebuilt))

    @property
    def _mode(self) -> str:
        return "enforce" if self._services.rules.enforce else "observe"

    def summary(self) -> str:
        """One line on what is watched and how, for `systemctl status`."""
        trees = len(self._services.trees)
        return f"watching {trees} trees with {self._watcher.source.name}, mode {self._mode}"

    def mode_changed(self) -> bool:
        """Whether a person stopped all measures since the start, or let them go on.

        By `goodhoster observe --now`.
        """
        stopped = self._services.observe_switch.stops_measures()
        return self._services.rules.enforce != (self._services.settings.policy.mode == "enforce" and not stopped)

    def trees_changed(self) -> bool:
        """Whether root made a watched path lead elsewhere, so that everything must start anew.

        Not where the configuration would not be right then: `status` goes on telling what is switched.
        """
        if not self._watcher.must_follow:
            return False
        try:
            trees_of(self._services.settings)
        except ConfigurationError as error:
            self._log_once(error)
            return False
        return True

    def tick(self) -> None:
        """Do the regular work of each second.

        Report the state, write to owners of hash sources, and now and then try again what failed. A full disk
        ends no watching.
        """
        try:
            self._try_again(time.monotonic())
            self._watcher.look_for_trees()
            self._write_to_list_owners()
            report = self._report()
            write_report(self._services.settings.state_dir, report)
            if self._alerts:
                self._alerts.note(report, reported_in_detail=self._daily.alarms() + self._verification.alarms())
        except Exception as error:
            self._log_once(error)

    def _write_to_list_owners(self) -> None:
        """Write what is due; the texts are only loaded where something is."""
        if any(True for _ in self._services.owner_reports.waiting()):
            self._services.notices.list_owner_letters.write()

    def _log_once(self, error: Exception) -> None:
        """Log the same problem once: it comes again every second."""
        if repr(error) != self._last_logged:
            expected = isinstance(error, (GoodhosterError, OSError))  # such as a full disk
            told = "the daemon continues, but cannot write its status: %s"
            _log.critical(told, error, exc_info=None if expected else error)
        self._last_logged = repr(error)

    def stop(self) -> None:
        """Stop after the files in hand, but for what is being opened; what waits is on disk."""
        self._services.hasher.close()
        self._notices.stop()
        for task in (*self._tasks, self._checkpoints.task, *([self._alerts.task] if self._alerts else [])):
            task.stop()
        self._watcher.stop()
        self._workers.stop()
        forget_report(self._services.settings.state_dir)
        if self._metrics:
            self._metrics.end()
        _log.info("ended")

    def _try_again(self, now: float) -> None:
        desk = self._services.desk
        if now >= self._recover_at:
            self._recover_at = now + _RECOVER_EVERY
            self._recover_and_log(self._deliver_alerts_and_recover)
        elif now >= self._resume_at:
            self._resume_at = now + _RESUME_EVERY
            self._recover_and_log(partial(desk.recover, retry_failed=False))

    def _deliver_alerts_and_recover(self) -> list[Case]:
        desk = self._services.desk
        desk.deliver_alerts()
        return desk.recover()

    @staticmethod
    def _recover_and_log(cases_under_way: Callable[[], list[Case]]) -> None:
        try:
            for case in cases_under_way():
                _log.warning("case %s: %s is %s now (%s)", case.id, case.upload.place, case.state, case.reason)
        except GoodhosterError as error:
            _log.critical("cases left under way cannot be finished: %s; %s", error, error.hint)

    def _report(self) -> DaemonReport:
        health = [source.health() for source in self._services.sources]
        return DaemonReport(
            pid=os.getpid(),
            mode=self._mode,
            events=self._watcher.source.name,
            events_reason=self._watcher.source.reason,
            trees=tuple(display(tree.root) for tree in self._services.trees),
            scanning=self._watcher.scanning,
            comparisons=tuple(each.as_object() for each in self._watcher.comparisons()),
            gaps=self._watcher.gaps,
            last_gap=self._watcher.last_gap,
            degraded=tuple(
                self._not_given_up
                + self._watcher.problems()
                + self._workers.problems()
                + self._services.hasher.problems()
                + self._measures()
                + list(filter(None, [self._services.observe_switch.problem()]))
                + [problem for task in self._tasks for problem in task.problems()]
                + self._daily.alarms()
                + self._verification.alarms()
                + self._verification.problems()
                + self._sealing.alarms()
                + (self._alerts.problems() if self._alerts else [])
                + self._late.problems()
                + [problem for bucket in self._buckets for problem in bucket.problems()]
                + self._standing.problems()
                + self._checkpoints.problems()
                + _source_problems(self._services)
                + _exemption_problems(self._services)
                + self._notices.problems()
            ),
            sources=tuple(map(source_as_object, health)),
        )

    def _measures(self) -> list[str]:
        """Problems of measures; a missing mover is always among them.

        Without a mover nothing goes offline.
        """
        problems = []
        if not self._mover.listens():
            waiting = self._count(CaseState.OPEN, CaseState.RESTORING)
            again = "it is started again by itself; where this stays, restart the daemon"
            problems.append(f"ALARM: the mover is not there, {waiting} measures wait for it: {again}")
        if failed := self._count(CaseState.FAILED):
            problems.append(f"{failed} measures failed: goodhoster cases list --state failed")
        return problems

    def _count(self, *states: CaseState) -> int:
        return self._services.case_store.count(CaseQuery(states=frozenset(states)))


def _source_problems(services: Services) -> list[str]:
    """Sources that refuse us or do not answer now."""
    problems = []
    for health in (source.health() for source in services.sources):
        if health.alarm:
            problems.append(f"ALARM: {health.name} refuses our account: {health.last_error}")
        elif health.last_error:
            problems.append(f"{health.name} does not answer: {health.last_error}")
    return problems


def _exemption_problems(services: Services) -> list[str]:
    """Problems of exemption sets.

    While a set cannot be read, nothing that a source knows is acted on.
    """
    trouble = services.exemptions.trouble()
    return [f"ALARM: known contents are unchecked: {trouble}"] if trouble else []
