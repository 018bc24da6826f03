"""The suspension desk: intend, act, look, record; and exactly back.

Nothing is called in force or lifted that was not seen to be so. While a panel works only its account is locked, by a
lock that the kernel drops with the process. What a crash left is continued by `look_after`: every order may come twice,
because each is preceded by a look.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from goodhoster.customers.suspension.account_state import (
    difference_from_before,
    hosts_to_look_at,
    is_suspended,
    state_before,
)
from goodhoster.customers.suspension.effect import Judged, SiteEffect, judge_lifted, judge_suspended
from goodhoster.errors import GoodhosterError, PassingError, RefusedError, recording
from goodhoster.linux.file_lock import FileLock
from goodhoster.model.alerts import AlertKind
from goodhoster.model.audit import AuditEvent
from goodhoster.model.cases import Order
from goodhoster.model.customers.panels import PanelAccount, SuspensionTarget
from goodhoster.model.customers.suspensions import PageSeen, Suspension, SuspensionState
from goodhoster.model.ids import new_id
from goodhoster.ports.common import AuditLog, Clock, Pager
from goodhoster.ports.panels import SiteSnapshots, Suspends, SuspensionQuery, SuspensionStore

_log = logging.getLogger(__name__)
_SOON = timedelta(minutes=10)
"""Some panels are right at once and wrong ten minutes later."""
_DAILY = timedelta(days=1)
"""A payment lifts a suspension whatever it was for."""
_AGAIN = timedelta(minutes=5)
"""After which what could not be seen is looked at again."""
_TAKES_EFFECT = (0.0, 1.0, 3.0)
"""Seconds to wait before each look at a site: a web server's old workers answer for a moment."""
_UNDER_WAY = frozenset({SuspensionState.INTENDED, SuspensionState.UNCONFIRMED})
_STANDING = frozenset(SuspensionState) - {
    SuspensionState.LIFTED,
    SuspensionState.FAILED,
    SuspensionState.ENDED_ELSEWHERE,
}


@dataclass(frozen=True, slots=True)
class SuspensionOrder:
    """What is to be suspended, whose it is, and why."""

    panel: str
    target: SuspensionTarget
    order: Order
    customer: str = ""
    confidential: bool = False
    """Its customer must not learn of it."""


@dataclass(frozen=True, slots=True)
class SuspensionPreview:
    """What an order would do."""

    account: PanelAccount
    target: SuspensionTarget
    suspended_before: tuple[str, ...]
    """Sites that are suspended already, and would be after lifting."""
    refusal: str
    """Why it would be refused; empty when it would not."""
    experimental: bool
    """The adapter was never tried against the real panel."""


@dataclass(frozen=True, slots=True)
class SuspensionParts:
    """What the desk works with."""

    panels: Mapping[str, Suspends]
    store: SuspensionStore
    audit: AuditLog
    pager: Pager
    clock: Clock
    locks: Path
    """A directory for lock files."""
    snapshots: Mapping[str, SiteSnapshots]
    """For the panels whose sites are looked at."""
    sleep: Callable[[float], None] = time.sleep


class SuspensionDesk:
    """Suspends and lifts. Threads and processes may share the record."""

    def __init__(self, parts: SuspensionParts) -> None:
        self._parts = parts

    def preview(self, panel: str, target: SuspensionTarget) -> SuspensionPreview:
        """What an order would do; nothing is changed."""
        adapter = self._panel(panel)
        account = adapter.account(target.account)
        before = tuple(site.host for site in account.sites if site.suspended)
        return SuspensionPreview(account, target, before, self._refusal(panel, account, target), not adapter.proven)

    def suspend(self, order: SuspensionOrder) -> Suspension:
        """Suspend; the record says what was seen afterwards.

        What a crash left of the same order, or could not be seen when it was ordered, is continued. RefusedError where
        it must not be done, PassingError where the panel cannot be asked: nothing was done then.
        """
        with self._locked(order.panel, order.target.account):
            adapter = self._panel(order.panel)
            if left := self._left_under_way(order):
                return self._carry_out(left)
            account = adapter.account(order.target.account)
            if refusal := self._refusal(order.panel, account, order.target):
                raise RefusedError(refusal, hint="goodhoster customers suspensions")
            pages = self._request_snapshots(order.panel, hosts_to_look_at(account, order.target))
            now = self._now()
            suspension = Suspension(
                id=new_id(now, "s"),
                state=SuspensionState.INTENDED,
                panel=order.panel,
                target=order.target,
                customer=order.customer,
                reason=order.order.reason,
                actor=order.order.actor,
                opened_at=now,
                before=state_before(account, pages),
                check_at=now,
                confidential=order.confidential,
            )
            for gone in self._no_longer_in_force(suspension):
                self._concluded(gone, SuspensionState.LIFTED, f"ended elsewhere; {suspension.id} takes its place")
            self._parts.store.add(suspension)
            return self._carry_out(suspension)

    def lift(self, suspension_id: str, order: Order) -> Suspension:
        """Lift a suspension, so that exactly what was suspended before is suspended after.

        RefusedError when it was lifted already.
        """
        found = self._parts.store.get(suspension_id)
        with self._locked(found.panel, found.target.account):
            found = self._parts.store.get(suspension_id)
            if found.state is SuspensionState.LIFTED:
                at = f" at {found.closed_at:%Y-%m-%d %H:%M:%S} UTC" if found.closed_at else ""
                by = (
                    f", by {found.lift_actor}{at}: {found.lift_reason}" if found.lift_actor else f"{at}: {found.detail}"
                )
                raise RefusedError(f"{found.id} was lifted already{by}", hint="goodhoster customers suspensions")
            lifting = self._moved(
                found, SuspensionState.LIFTING, lift_reason=order.reason, lift_actor=order.actor, check_at=self._now()
            )
            return self._carry_out_lifting(lifting)

    def look_after(self, suspension: Suspension) -> Suspension:
        """Continue what was left under way, or look whether a suspension is still in force."""
        with self._locked(suspension.panel, suspension.target.account):
            now = self._parts.store.get(suspension.id)
            if now.state in {SuspensionState.INTENDED, SuspensionState.UNCONFIRMED}:
                return self._carry_out(now)
            if now.state is SuspensionState.LIFTING:
                return self._carry_out_lifting(now)
            if now.state in {SuspensionState.IN_FORCE, SuspensionState.INEFFECTIVE}:
                return self._look_again(now)
            return now

    def due(self) -> Sequence[Suspension]:
        """The suspensions that are to be looked after now."""
        return self._parts.store.find(SuspensionQuery(due=self._now()))

    def _carry_out(self, suspension: Suspension) -> Suspension:
        """Intend in the log, order, ask anew, look at the sites, record."""
        adapter = self._panel(suspension.panel)
        self._log("suspension.intended", suspension, reason=suspension.reason, actor=suspension.actor)
        refused = ""
        try:
            if not is_suspended(adapter.account(suspension.target.account), suspension.target):
                adapter.suspend(suspension.target, f"{suspension.id}: {suspension.reason}")
        except PassingError as error:  # the order may have arrived all the same
            refused = str(error)
        except GoodhosterError as error:
            refused = str(error)
            if not self._seen_suspended(adapter, suspension):
                return self._concluded(suspension, SuspensionState.FAILED, refused)
        state, detail = self._state_after_order(adapter, suspension)
        if refused and state is SuspensionState.INEFFECTIVE:
            return self._concluded(suspension, SuspensionState.UNCONFIRMED, f"not done yet: {refused}")
        return self._concluded(suspension, state, f"{detail} ({refused})" if refused else detail)

    def _seen_suspended(self, adapter: Suspends, suspension: Suspension) -> bool:
        try:
            return is_suspended(adapter.account(suspension.target.account), suspension.target) is True
        except GoodhosterError:
            return False

    def _state_after_order(self, adapter: Suspends, suspension: Suspension) -> tuple[SuspensionState, str]:
        """What the panel and the sites say now."""
        try:
            account = adapter.account(suspension.target.account)
        except GoodhosterError as error:
            return SuspensionState.UNCONFIRMED, f"ordered, but its effect could not be checked: {error}"
        says = is_suspended(account, suspension.target)
        if says is None:
            return SuspensionState.UNCONFIRMED, "ordered; the panel's answer has no certain meaning"
        if not says:
            return SuspensionState.INEFFECTIVE, "the panel's own list says that it is not suspended"
        seen = self._effect(suspension, judge_suspended, SiteEffect.OFF)
        if seen is None:
            return SuspensionState.IN_FORCE, "the panel says so; no site was checked"
        states = {
            SiteEffect.OFF: SuspensionState.IN_FORCE,
            SiteEffect.SERVED: SuspensionState.INEFFECTIVE,
            SiteEffect.UNKNOWN: SuspensionState.UNCONFIRMED,
        }
        still = "the panel's list says that it is suspended, but " if seen.effect is SiteEffect.SERVED else ""
        return states[seen.effect], still + seen.detail

    def _look_again(self, suspension: Suspension) -> Suspension:
        """Check whether a suspension is in force; one that cannot be seen is checked again soon."""
        state, detail = self._state_after_order(self._panel(suspension.panel), suspension)
        if state is SuspensionState.UNCONFIRMED:
            kept = replace(suspension, detail=f"could not be checked: {detail}", check_at=self._now() + _AGAIN)
            self._parts.store.replace(kept, expected=suspension.state)
            return kept
        if state is SuspensionState.INEFFECTIVE and suspension.state is SuspensionState.IN_FORCE:
            return self._concluded(suspension, SuspensionState.ENDED_ELSEWHERE, f"no longer in force: {detail}")
        return self._concluded(suspension, state, detail)

    def _carry_out_lifting(self, suspension: Suspension) -> Suspension:
        """Intend in the log, order, suspend again what was suspended before, ask anew, record."""
        self._log("suspension.lifting", suspension, reason=suspension.lift_reason, actor=suspension.lift_actor)
        if (above := self._account_suspension(suspension)) is not None:
            hosts = tuple(host for host in above.before.hosts if host != suspension.target.host)
            changed = replace(above, before=replace(above.before, hosts=hosts))
            self._parts.store.replace(changed, expected=above.state)
            return self._concluded(suspension, SuspensionState.LIFTED, f"comes back when {above.id} is lifted")
        adapter = self._panel(suspension.panel)
        try:
            self._restore_missing(adapter, suspension)
            wrong = difference_from_before(adapter.account(suspension.target.account), suspension)
        except PassingError as error:
            kept = replace(suspension, detail=f"not lifted yet: {error}", check_at=self._now() + _AGAIN)
            self._parts.store.replace(kept, expected=suspension.state)
            return kept
        except GoodhosterError as error:
            return self._concluded(suspension, SuspensionState.LIFT_FAILED, str(error))
        if wrong:
            return self._concluded(suspension, SuspensionState.LIFT_FAILED, wrong)
        return self._concluded(suspension, *self._state_after_lifting(suspension))

    def _state_after_lifting(self, suspension: Suspension) -> tuple[SuspensionState, str]:
        """What the sites show, after the panel says that all is as it was."""
        if suspension.before.account or suspension.target.host in suspension.before.hosts:
            return SuspensionState.LIFTED, "was suspended before, and stays so"
        seen = self._effect(suspension, judge_lifted, SiteEffect.SERVED)
        if seen is None:
            return SuspensionState.LIFTED, "the panel says so; no site was checked"
        if seen.effect is not SiteEffect.SERVED:
            return SuspensionState.LIFT_FAILED, f"the panel says that it is lifted, but {seen.detail}"
        return SuspensionState.LIFTED, seen.detail

    def _restore_missing(self, adapter: Suspends, suspension: Suspension) -> None:
        """Order what is missing to the state before: nothing that is right already."""
        target, before = suspension.target, suspension.before
        if target.host:
            if target.host not in before.hosts and is_suspended(adapter.account(target.account), target) is not False:
                adapter.unsuspend(target)
            return
        if before.account:
            return
        account = adapter.account(target.account)
        if account.suspended is not False:
            adapter.unsuspend(target)
            account = adapter.account(target.account)
        for site in account.sites:
            if site.suspended is False and site.host in before.hosts:
                adapter.suspend(SuspensionTarget(account.id, site.host), f"{suspension.id}: as it was before")
            elif site.suspended is True and site.host not in before.hosts:
                adapter.unsuspend(SuspensionTarget(account.id, site.host))

    def _account_suspension(self, suspension: Suspension) -> Suspension | None:
        """The suspension of the whole account that stands over that of a site."""
        if not suspension.target.host:
            return None
        query = SuspensionQuery(states=_STANDING, panel=suspension.panel, account=suspension.target.account)
        return next((one for one in self._parts.store.find(query) if not one.target.host), None)

    def _left_under_way(self, order: SuspensionOrder) -> Suspension | None:
        """An earlier order of the same that is not carried out; the log says who continues it."""
        query = SuspensionQuery(_UNDER_WAY, panel=order.panel, account=order.target.account)
        left = next((one for one in self._parts.store.find(query) if one.target == order.target), None)
        if left is None:
            return None
        self._log("suspension.continued", left, reason=order.order.reason, actor=order.order.actor)
        if order.confidential and not left.confidential:
            left = self._moved(left, left.state, confidential=True)
        return left

    def _no_longer_in_force(self, suspension: Suspension) -> list[Suspension]:
        """Earlier ones of the same that others ended: the new one notes anew what was before."""
        query = SuspensionQuery(
            states=frozenset({SuspensionState.ENDED_ELSEWHERE}),
            panel=suspension.panel,
            account=suspension.target.account,
        )
        return [one for one in self._parts.store.find(query) if one.target == suspension.target]

    def _refusal(self, panel: str, account: PanelAccount, target: SuspensionTarget) -> str:
        """Why it must not be done; empty when it may."""
        if target.host and account.site(target.host) is None:
            return f"account {account.id} has no site {target.host}"
        if account.holds_others and not target.host:
            return f"account {account.id} holds other customers, who would be suspended too: suspend each by itself"
        query = SuspensionQuery(states=_STANDING, panel=panel, account=account.id)
        for other in self._parts.store.find(query):
            if other.target == target:
                return f"{target} is under suspension {_whose(other)} already: lift that first"
            if target.host and not other.target.host:
                return f"the whole account {account.id} is under suspension {_whose(other)} already"
        return ""

    def _effect(
        self,
        suspension: Suspension,
        judge: Callable[[Sequence[PageSeen], Sequence[PageSeen]], Judged],
        wanted: SiteEffect,
    ) -> Judged | None:
        """What the sites that were looked at before show now; None where none was."""
        hosts = tuple(dict.fromkeys(page.host for page in suspension.before.pages))
        worst: Judged | None = None
        for wait in _TAKES_EFFECT if hosts else ():
            self._parts.sleep(wait)
            pages = self._request_snapshots(suspension.panel, hosts)
            found = [
                judge(
                    [page for page in suspension.before.pages if page.host == host],
                    [page for page in pages if page.host == host],
                )
                for host in hosts
            ]
            worst = next((one for one in found if one.effect is not wanted), found[0])
            if worst.effect is wanted:
                break
        return worst

    def _request_snapshots(self, panel: str, hosts: Sequence[str]) -> tuple[PageSeen, ...]:
        snapshots = self._parts.snapshots.get(panel)
        if snapshots is None:
            return ()
        seen = ((host, page) for host in hosts for page in snapshots.snapshot(host))
        return tuple(PageSeen(host, page.path, page.status, page.digest.hex()) for host, page in seen)

    def _concluded(self, suspension: Suspension, state: SuspensionState, detail: str) -> Suspension:
        """Record an outcome: in the log, in the record, and to a person where one is needed."""
        now = self._now()
        pause = _SOON if suspension.state is not state else _DAILY
        again = {
            SuspensionState.IN_FORCE: now + pause,
            SuspensionState.INEFFECTIVE: now + pause,  # some panels do it later, by a job of their own
            SuspensionState.UNCONFIRMED: now + _AGAIN,
        }
        with recording(f"{suspension.target} is seen to be {state}: {detail}"):
            if state is not suspension.state:  # in the log first: a crash between leaves nothing that it does not have
                self._log(f"suspension.{state}", suspension, detail=detail)
            done = self._moved(
                suspension,
                state,
                detail=detail,
                seen_at=now,
                check_at=again.get(state),
                closed_at=now if state.closed else None,
            )
        if state is not suspension.state:
            self._alert(done)
        return done

    def _moved(self, suspension: Suspension, state: SuspensionState, **changes: object) -> Suspension:
        moved = replace(suspension, state=state, **changes)  # type: ignore[arg-type]
        self._parts.store.replace(moved, expected=suspension.state)
        return moved

    def _alert(self, suspension: Suspension) -> None:
        if not suspension.state.needs_person:
            return
        subject = f"Suspension {suspension.id} of {suspension.target}: {suspension.state}"
        try:
            self._parts.pager.page(
                subject,
                f"{suspension.detail}\ngoodhoster customers suspensions --id {suspension.id}\n",
                AlertKind.SUSPENSION,
                f"{suspension.id} {self._now().isoformat()}",
            )
        except PassingError as error:
            _log.error("no alert could be delivered about %s: %s", subject, error)

    def _log(self, kind: str, suspension: Suspension, **more: str) -> None:
        data = {
            "suspension": suspension.id,
            "panel": suspension.panel,
            "account": suspension.target.account,
            "host": suspension.target.host,
            "customer": suspension.customer,
        }
        self._parts.audit.append(AuditEvent(kind, data | more))

    def _panel(self, name: str) -> Suspends:
        try:
            return self._parts.panels[name]
        except KeyError:
            known = ", ".join(self._parts.panels) or "none is configured"
            raise RefusedError(f"there is no [[panel]] called {name}", hint=f"known are: {known}") from None

    def _now(self) -> datetime:
        return self._parts.clock()

    @contextmanager
    def _locked(self, panel: str, account: str) -> Iterator[None]:
        """Hold the account, over all processes."""
        self._parts.locks.mkdir(mode=0o700, exist_ok=True)
        name = hashlib.sha256(f"{panel}\0{account}".encode()).hexdigest()[:32]
        with FileLock(self._parts.locks / name):
            yield


def _whose(suspension: Suspension) -> str:
    """A suspension with who ordered it and when: for the person who comes second."""
    at = f"{suspension.opened_at:%Y-%m-%d %H:%M:%S} UTC"
    return f"{suspension.id} ({suspension.state}, by {suspension.actor} at {at}: {suspension.reason})"
