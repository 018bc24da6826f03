"""Puts together what handles notices; `notices` hands in what it shares with the rest."""

from __future__ import annotations

from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Literal

from goodhoster.adapters.mailers.smtp import SmartHost, SmtpMailer
from goodhoster.adapters.pagers.hooks import pager
from goodhoster.adapters.site_checks.http import HttpOutside, Reach
from goodhoster.adapters.stores.notices import SqliteNoticeStore
from goodhoster.adapters.url_blocks.webserver import WebServer, WebServerBlocks, apache, nginx
from goodhoster.audit.log import utc_now
from goodhoster.letters.outbox import Outbox
from goodhoster.letters.texts import Letterhead
from goodhoster.linux.file_lock import FileLock
from goodhoster.linux.programs import Run
from goodhoster.locating.locator import Locator
from goodhoster.model.notice_status import Receipt
from goodhoster.model.notices import Belief, Carrier, Notifier, RawNotice, SeenMail, TrustFinding, TrustRule
from goodhoster.notices.monotonic_clock import MonotonicClock
from goodhoster.notices.reading.pool import ReaderPool
from goodhoster.notices.sender.dkim_evaluation import level_of
from goodhoster.notices.sender.trust import Trust, unproven
from goodhoster.notices.spool import Spool
from goodhoster.ports import Mailer, NoticeReader, NoticeStore, Outside, UrlBlocks
from goodhoster.settings import Settings, read_secret
from goodhoster.takedowns.actions import Hurry, TakedownActions
from goodhoster.takedowns.answers import Answers
from goodhoster.takedowns.deadlines import Terms
from goodhoster.takedowns.desk import NoticeDesk, NoticeParts
from goodhoster.takedowns.manual_letters import ManualLetters
from goodhoster.toolkit import Toolkit

_LANGUAGES: dict[str, Literal["nl", "en"]] = {"nl": "nl", "en": "en"}


@dataclass(frozen=True, slots=True)
class Shared:
    """What the notices use and others made."""

    settings: Settings
    toolkit: Toolkit
    trust: Trust
    locator: Locator
    hurry: Hurry
    notifiers: tuple[Notifier, ...]
    run: Run


@dataclass(frozen=True, slots=True)
class NoticeServices:
    """Everything about notices, for the daemon and the commands."""

    desk: NoticeDesk
    store: NoticeStore
    spool: Spool
    outbox: Outbox
    mailer: Mailer | None
    """None while no mail server is set: letters wait."""
    reader: NoticeReader
    trust: Trust
    letters: Answers
    post: ManualLetters


def notice_services(shared: Shared, resources: ExitStack) -> NoticeServices:
    """Everything is given back by `resources`. ConfigurationError when something is not as it must be."""
    settings, state_dir = shared.settings, shared.settings.state_dir
    clock = MonotonicClock(state_dir / "clock", utc_now)
    store = resources.enter_context(closing(SqliteNoticeStore(state_dir / "notices.sqlite")))
    spool = Spool(state_dir / "notices", clock)
    letters = _letters(shared, Outbox(state_dir / "letters", clock, settings.notices.answers_a_day))
    outside = _outside(shared)
    reader = resources.enter_context(ReaderPool())
    # A hotline puts a picture on its list and sends the notice at once: what was a "no" before says nothing.
    examine = partial(shared.toolkit.examine, live=True)
    parts = NoticeParts(
        spool=spool,
        store=store,
        audit=shared.toolkit.audit,
        reader=reader,
        believe=_Belief(shared),
        acts=TakedownActions(
            shared.locator.locate,
            examine,
            shared.toolkit.desk,
            _blocks(shared, outside),
            shared.hurry,
            may_look=outside is not None,
        ),
        letters=letters,
        outside=outside,
        pager=pager(settings.paging.command, shared.run),
        turn=FileLock(state_dir / "notices.lock"),
        clock=clock,
        ours=shared.locator.ours,
    )
    terms = Terms(timedelta(seconds=settings.notices.deadline), timedelta(seconds=settings.notices.warn_before))
    desk = NoticeDesk(parts, shared.notifiers, terms)
    post = ManualLetters(store, parts.audit, letters, parts.turn)
    return NoticeServices(desk, store, spool, letters.outbox, mailer_of(settings), reader, shared.trust, letters, post)


class _Belief:
    """A mail is believed for its signatures, a request for the token that came with it."""

    def __init__(self, shared: Shared) -> None:
        self._trust = shared.trust
        self._notifiers = {notifier.id: notifier for notifier in shared.notifiers}

    def __call__(self, receipt: Receipt, raw: RawNotice) -> Belief:
        if receipt.carrier is Carrier.MAIL:
            return self._trust.of_mail(raw.content, SeenMail(receipt.id, receipt.received_at, receipt.own_server))
        return Belief(self._of_request(receipt), raw)

    def _of_request(self, receipt: Receipt) -> TrustFinding:
        notifier = self._notifiers.get(receipt.notifier)
        if notifier is None:
            return unproven("token.known", "it came without the token of a registered notifier")
        rule = TrustRule("token.known", passed=True, why=f"it came with the token of {notifier.id}")
        return TrustFinding(level_of(notifier), notifier.id, "token", (rule,))


def _letters(shared: Shared, outbox: Outbox) -> Answers:
    settings = shared.settings
    sender = settings.smtp.sender if settings.smtp else ""
    head = Letterhead(settings.notices.hoster, sender, _LANGUAGES[settings.notices.language])
    automatic = settings.policy.mode == "enforce"
    contact_of = shared.locator.site_maps.contact_of
    return Answers(outbox, head, frozenset({sender.lower()}), shared.toolkit.store, contact_of, automatic)


def mailer_of(settings: Settings) -> Mailer | None:
    """What hands letters to the mail server; ConfigurationError when its password cannot be read."""
    smtp = settings.smtp
    if smtp is None:
        return None
    password = read_secret(smtp.password_file, "password of the mail server") if smtp.password_file else ""
    name = settings.notices.hoster
    server = SmartHost(smtp.host, smtp.port, smtp.sender, name, smtp.security, smtp.username or "", password)
    return SmtpMailer(server, utc_now)


def _outside(shared: Shared) -> Outside | None:
    notices = shared.settings.notices
    if not notices.own_networks:
        return None
    served = shared.locator.site_maps.ports_of
    return HttpOutside(Reach(notices.own_networks, served=served, proxies=notices.look_through))


def _blocks(shared: Shared, outside: Outside | None) -> UrlBlocks | None:
    block = shared.settings.block
    if block is None:
        return None
    write = nginx if block.server == "nginx" else apache
    server = WebServer(block.include, write, block.test, block.reload, shared.run)
    return WebServerBlocks(server, outside.look if outside else None)
