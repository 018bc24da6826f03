"""The composition of alerts: each rule of the settings with its receiver."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from goodhoster.errors import ConfigurationError, GoodhosterError

if TYPE_CHECKING:
    from goodhoster.alerts.desk import AlertDesk
    from goodhoster.alerts.rules import AlertRule
    from goodhoster.assembly.services import Services
    from goodhoster.model.alerts import Alert
    from goodhoster.ports import AlertReceiver
    from goodhoster.settings import Settings
    from goodhoster.settings.alerts import AlertSettings

FILE = "alerts.sqlite"
PAGING = "paging"
"""The name of the rule that `[paging] command` is."""


def alert_desk(services: Services) -> AlertDesk | None:
    """The desk with every rule; None where nobody is to be alerted."""
    settings = services.settings
    if not settings.alerts and not settings.paging.command:
        return None
    from goodhoster.adapters.stores.alerts import SqliteAlertQueue
    from goodhoster.alerts.desk import AlertDesk
    from goodhoster.ports.common import utc_now

    _check_rules(settings)
    queue = partial(SqliteAlertQueue, services.state_dir / FILE)
    return AlertDesk(queue, tuple(_rules(services)), utc_now, partial(_is_still_true, services))


def check_alerts(settings: Settings) -> None:
    """Look at every rule and its secret; ConfigurationError when one cannot be used."""
    _check_rules(settings)
    for rule in settings.alerts:
        _secret(rule)


def _check_rules(settings: Settings) -> None:
    names = [rule.name for rule in settings.alerts]
    for rule in settings.alerts:
        where = f"{settings.file} [[alert]] {rule.name}"
        if sum(map(bool, (rule.mail, rule.webhook, rule.command))) != 1:
            hint = "give it one of mail, webhook and command; for two receivers write two rules"
            raise ConfigurationError(f"{where} does not have exactly one receiver", hint=hint)
        if rule.mail and settings.smtp is None:
            raise ConfigurationError(f"{where} sends mail, and no mail server is set", hint="set [smtp]")
        if not rule.webhook and (rule.secret_file or rule.details or rule.form != "full"):
            raise ConfigurationError(
                f"{where} has settings of a webhook, but no webhook", hint="remove secret_file, form and details"
            )
        if names.count(rule.name) > 1 or rule.name == PAGING:
            raise ConfigurationError(f"{where}: the name is taken", hint="give each rule a name of its own")


def _secret(rule: AlertSettings) -> str:
    from goodhoster.settings import read_secret

    return read_secret(rule.secret_file, f"secret of [[alert]] {rule.name}") if rule.secret_file else ""


def _rules(services: Services) -> Iterator[tuple[AlertRule, AlertReceiver]]:
    from goodhoster.adapters.pagers.hooks import CommandReceiver
    from goodhoster.alerts.rules import AlertRule, QuietHours
    from goodhoster.model.alerts import PAGED, AlertKind

    if command := services.settings.paging.command:
        yield AlertRule(PAGING, frozenset(PAGED)), CommandReceiver(command, services.run)
    for rule in services.settings.alerts:
        repeat = timedelta(seconds=rule.repeat) if rule.repeat else None
        quiet = QuietHours(*rule.quiet) if rule.quiet else None
        kinds = frozenset(map(AlertKind, rule.on))
        yield AlertRule(rule.name, kinds, repeat, quiet, rule.per_hour), _receiver(services, rule)


def _receiver(services: Services, rule: AlertSettings) -> AlertReceiver:
    if rule.command:
        from goodhoster.adapters.pagers.hooks import CommandReceiver

        return CommandReceiver(rule.command, services.run)
    if rule.mail:
        from goodhoster.adapters.pagers.mail import MailReceiver
        from goodhoster.assembly.notices import mailer_of

        return MailReceiver(rule.mail, services.notices.outbox.put, lambda: mailer_of(services.settings))
    from goodhoster.adapters.pagers.webhook import Webhook, WebhookReceiver
    from goodhoster.ports.common import utc_now

    webhook = Webhook(rule.webhook or "", partial(_secret, rule), rule.form == "text", rule.details)
    return WebhookReceiver(webhook, utc_now)


def _is_still_true(services: Services, alert: Alert) -> bool:
    """Whether it is still so: the storm brakes, the notice is open, cases are held."""
    from goodhoster.model.alerts import AlertKind
    from goodhoster.model.cases import CaseState
    from goodhoster.ports import CaseQuery

    subject, _, _ = alert.about.partition(" ")
    if alert.kind is AlertKind.STORM:
        return any(storm.id == subject for storm in services.brake.open())
    if alert.kind is AlertKind.HELD:
        return services.case_store.count(CaseQuery(states=frozenset({CaseState.HELD}))) > 0
    if alert.kind in {AlertKind.DEADLINE, AlertKind.OVERDUE, AlertKind.NOTICE}:
        try:
            return services.notices.store.get(subject).stopped_at is None
        except GoodhosterError:
            return False
    return False
