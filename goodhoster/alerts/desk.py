"""The alert desk: stores alerts, and delivers them to the receiver of each rule.

An alert is on disk before whoever raised it goes on. A receiver that is away is tried again, more and more seldom, for
a week. One failed try puts off all alerts of its rule, so that it keeps the others waiting no longer than that try; the
alert that failed comes after the others of its rule, since it may be the one alone that is not accepted.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from goodhoster.alerts.rules import AlertRule, sum_up
from goodhoster.errors import GoodhosterError
from goodhoster.model.alerts import Alert, AlertDelivery, AlertKind, DeliveryState
from goodhoster.ports import AlertQueue, AlertReceiver, Clock

_log = logging.getLogger(__name__)
_CLAIMED_FOR = timedelta(seconds=90)
"""Longer than any receiver may take; after a crash it is tried again then."""
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=10), timedelta(hours=1)
_BEHIND_OTHERS = timedelta(seconds=1)
_GIVE_UP_AFTER = timedelta(days=7)
_OVER_AFTER = timedelta(minutes=10)
"""A condition that was not seen for so long is over; when it comes again, it is a new one."""
_AN_HOUR = timedelta(hours=1)
_MOST_SUMMED_UP = 1000
_AT_THE_END = 10
"""Deliveries that the end of a command may wait for."""
_COUNT = re.compile(r"(?<!\S)\d[\d,.]*(?=\s)")


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that lasts, in words, such as a line of `status`."""

    kind: AlertKind
    words: str

    @property
    def key(self) -> str:
        """The same condition with another count has the same key."""
        return f"{self.kind}: {_COUNT.sub('#', self.words)}"


class AlertDesk:
    """See `ports.Pager`."""

    def __init__(
        self,
        open_queue: Callable[[], AlertQueue],
        rules: Sequence[tuple[AlertRule, AlertReceiver]],
        clock: Clock,
        lasts: Callable[[Alert], bool],
    ) -> None:
        """Set up. `lasts`: whether what an alert is about is still so; for what is no condition."""
        self._open_queue = open_queue
        self._opening = threading.Lock()
        self._opened: AlertQueue | None = None
        self._rules: Mapping[str, tuple[AlertRule, AlertReceiver]] = {rule.name: (rule, to) for rule, to in rules}
        self._clock = clock
        self._lasts = lasts
        self._raised_here = False
        self._seen_before: frozenset[str] = frozenset()
        self._last_errors: dict[str, str] = {}
        self._failures: dict[str, tuple[int, datetime]] = {}

    @property
    def _queue(self) -> AlertQueue:
        """The queue, opened when it is first needed: most commands raise no alert."""
        with self._opening:
            if self._opened is None:
                self._opened = self._open_queue()
            return self._opened

    @property
    def rules(self) -> tuple[AlertRule, ...]:
        """The rules in force."""
        return tuple(rule for rule, _ in self._rules.values())

    def wants(self, kind: AlertKind) -> bool:
        """Whether any rule is for that kind."""
        return any(kind in rule.kinds for rule in self.rules)

    def page(self, subject: str, text: str, kind: AlertKind = AlertKind.ALARM, about: str = "") -> None:
        """See `ports.Pager`: accepted when it is in the queue."""
        self._raise(Alert(f"{kind}:{about}:{subject}", kind, about, subject, text, self._clock()))

    def _raise(self, alert: Alert, condition: str = "") -> None:
        wanting = [rule for rule in self.rules if rule.wants(alert)]
        if not wanting:
            _log.warning("%s (%s)", alert.subject, " ".join(alert.text.split()))
        due = [(rule.name, rule.due_at(alert, alert.raised_at)) for rule in wanting]
        if self._queue.add(alert, due, condition):
            self._raised_here = True

    def watch(self, conditions: Iterable[Condition]) -> None:
        """Raise an alert for each condition that begins, once it was seen twice in a row."""
        now, lasting = self._clock(), self._queue.conditions()
        current = {each.key: each for each in conditions if self.wants(each.kind)}
        known = {key for key, (_, seen) in lasting.items() if seen >= now - _OVER_AFTER}
        seen_twice = self._seen_before & current.keys()
        self._seen_before = frozenset(current)
        for key in sorted(seen_twice - known):
            condition = current[key]
            subject = f"goodhoster: {condition.words}"
            alert = Alert(f"{key}@{now.isoformat()}", condition.kind, key, subject, "See: goodhoster status\n", now)
            self._raise(alert, key)
        self._queue.see(seen_twice, now, now - _OVER_AFTER)

    def deliver_due(self, most: int = 100) -> int:
        """Hand over what is due; returns how many were accepted."""
        accepted = 0
        for _ in range(most):
            delivery = self._queue.claim(self._clock(), self._clock() + _CLAIMED_FOR)
            if delivery is None:
                break
            accepted += self._deliver(delivery)
        else:
            return accepted
        self._raised_here = False
        return accepted

    def _deliver(self, delivery: AlertDelivery) -> bool:
        rule, receiver = self._rules.get(delivery.rule, (None, None))
        if rule is None or receiver is None:
            self._queue.note_failure(delivery, DeliveryState.GIVEN_UP, None, "there is no such rule any more")
            return False
        _, away_until = self._failures.get(rule.name, (0, self._clock()))
        due = max(rule.due_at(delivery.alert, self._clock()), away_until)
        if due > self._clock():
            self._queue.postpone(delivery, due)
            return False
        if delivery.state is DeliveryState.REPEATING and not self._still(delivery.alert):
            self._queue.end(delivery)
            return False
        deliveries = self._together(rule, delivery)
        if not deliveries:
            return False
        alert, message = _message(deliveries)
        try:
            receiver.deliver(alert, message)
        except Exception as error:  # noqa: BLE001 - a fault with one receiver must not stop the others
            self._postpone(deliveries, error)
            return False
        self._last_errors.pop(rule.name, None)
        self._failures.pop(rule.name, None)
        now = self._clock()
        for each in deliveries:
            self._queue.accept(each, message, now, now + rule.repeat if rule.repeat else None)
        return True

    def _together(self, rule: AlertRule, delivery: AlertDelivery) -> list[AlertDelivery]:
        """Deliveries that go out in one message.

        In a flood all that may be summed up; empty where it must wait for its hour.
        """
        now = self._clock()
        sent = self._queue.sent(rule.name, now - _AN_HOUR)
        if not rule.may_be_summed_up(delivery.alert, sent):
            return [delivery]
        room = rule.room(sent)
        if room <= 0:
            self._queue.postpone(delivery, sent[0].at + _AN_HOUR)
            return []
        if room > 1:
            return [delivery]
        together = [delivery]
        for more in self._queue.claim_more(rule.name, now, now + _CLAIMED_FOR, _MOST_SUMMED_UP):
            if rule.may_be_summed_up(more.alert, sent) and rule.due_at(more.alert, now) <= now:
                together.append(more)
            else:
                self._queue.postpone(more, max(now, rule.due_at(more.alert, now)))
        return together

    def _postpone(self, deliveries: Sequence[AlertDelivery], error: Exception) -> None:
        first = deliveries[0]
        said = str(error) or type(error).__name__
        if self._last_errors.get(first.rule) != said:
            fault = None if isinstance(error, (GoodhosterError, OSError)) else error
            _log.error("alerts by rule %s are not accepted: %s", first.rule, said, exc_info=fault)
        self._last_errors[first.rule] = said
        now = self._clock()
        times, _ = self._failures.get(first.rule, (0, now))
        pause = _pause_after(times)
        self._failures[first.rule] = times + 1, now + pause
        for each in deliveries:
            if now - each.alert.raised_at > _GIVE_UP_AFTER and each.state is DeliveryState.WAITING:
                self._queue.note_failure(each, DeliveryState.GIVEN_UP, None, said)
            else:
                again = now + max(pause, _pause_after(each.tries)) + _BEHIND_OTHERS
                self._queue.note_failure(each, each.state, again, said)

    def _still(self, alert: Alert) -> bool:
        if alert.about in self._queue.conditions():
            return True
        try:
            return self._lasts(alert)
        except GoodhosterError:
            return True  # what cannot be told is repeated

    def problems(self) -> list[str]:
        """Problems, for `status`; the same words whatever the receiver said."""
        return [f"alerts by rule {name} are not accepted: goodhoster alerts list" for name in sorted(self._last_errors)]

    def counts(self) -> Mapping[tuple[str, DeliveryState], int]:
        """The number of deliveries by rule and state."""
        return self._queue.counts()

    def deliveries(self, limit: int) -> list[AlertDelivery]:
        """The newest deliveries, whatever became of them."""
        return self._queue.deliveries(limit=limit)

    def test(self, name: str, delivery_id: str) -> str:
        """Send a test by one rule at once; empty when it was accepted, otherwise why not."""
        _, receiver = self._rules[name]
        now = self._clock()
        text = f"This is a test of the alert rule {name}. Nothing needs to be done.\n"
        try:
            receiver.deliver(
                Alert(delivery_id, AlertKind.TEST, "", f"goodhoster: test of {name}", text, now), delivery_id
            )
        except (GoodhosterError, OSError) as error:
            return str(error) or type(error).__name__
        return ""

    def close(self) -> None:
        """Hand over what this process raised and nobody has yet; then close the queue."""
        try:
            if self._raised_here:
                self.deliver_due(_AT_THE_END)
        except GoodhosterError as error:
            _log.error("alerts wait for the daemon: %s", error)
        finally:
            if self._opened is not None:
                self._opened.close()


def _pause_after(failures: int) -> timedelta:
    return min(_FIRST_PAUSE * int(2 ** min(failures, 12)), _LONGEST_PAUSE)


def _message(deliveries: Sequence[AlertDelivery]) -> tuple[Alert, str]:
    """The alert to send, and its idempotency key: another one where others are in it."""
    first, last = deliveries[0], deliveries[-1]
    if first is last:
        return first.alert, first.id
    return sum_up([each.alert for each in deliveries]), f"{first.id}-to-{last.number}"
