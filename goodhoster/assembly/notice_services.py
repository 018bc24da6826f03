"""The part of the composition that handles notices."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Literal

from goodhoster.assembly.lazy import LazyParts, lazy

if TYPE_CHECKING:
    from goodhoster.adapters.site_checks.http import Reach
    from goodhoster.assembly.services import Services
    from goodhoster.customers.contacts.desk import ContactDesk
    from goodhoster.customers.vetting.desk import VettingDesk
    from goodhoster.letters.list_owners.letters import ListOwnerLetters
    from goodhoster.letters.outbox import Outbox
    from goodhoster.letters.texts import Letterhead
    from goodhoster.linux.file_lock import FileLock
    from goodhoster.locating.locator import Locator
    from goodhoster.model.notice_status import NoticeFigures
    from goodhoster.model.notices import Notifier
    from goodhoster.notices.monotonic_clock import MonotonicClock
    from goodhoster.notices.sender.trust import Trust
    from goodhoster.notices.spool import Spool
    from goodhoster.ports import Mailer, NoticeReader, NoticeStore, Outside, SignatureCheck, UrlBlocks
    from goodhoster.takedowns.actions import TakedownActions
    from goodhoster.takedowns.answers import Answers
    from goodhoster.takedowns.crawl_schedule import CrawlSchedule
    from goodhoster.takedowns.crawling import Crawler
    from goodhoster.takedowns.desk import NoticeDesk
    from goodhoster.takedowns.form_appeals import FormAppeals
    from goodhoster.takedowns.incoming_mail import IncomingMail
    from goodhoster.takedowns.letter_appeals import LetterAppeals
    from goodhoster.takedowns.mailed_appeals import MailedAppeals
    from goodhoster.takedowns.manual_letters import ManualLetters
    from goodhoster.takedowns.purging import PurgeDesk

_LANGUAGES: dict[str, Literal["nl", "en", "de"]] = {"nl": "nl", "en": "en", "de": "de"}


class NoticeServices(LazyParts):
    """Everything about notices, for the daemon and the commands."""

    def __init__(self, services: Services) -> None:
        super().__init__()
        self._services = services
        self._settings = services.settings.notices
        self._state_dir = services.state_dir

    def make_all(self) -> None:
        """Make every part where notices come in by themselves, else what proves their settings.

        There the rest is made with the first notice: what reads mails and verifies their senders is most of a daemon
        that only checks files.
        """
        if self.comes_in:
            super().make_all()
        else:
            _ = (self.store, self.spool, self.outbox, self.mailer, self.notifiers, self.blocks)
            if self.finds_sites:
                _ = self.locator

    @property
    def comes_in(self) -> bool:
        """Whether a way in is set by which notices come without a command."""
        notices = self._settings
        return bool(notices.lmtp or notices.listen or notices.maildir or self._services.settings.imap)

    @property
    def finds_sites(self) -> bool:
        """Whether a source is set that names the sites of this host."""
        return bool(self._services.settings.directories)

    @lazy
    def desk(self) -> NoticeDesk:
        """The part that takes notices in and acts on them."""
        from goodhoster.takedowns.deadlines import DeadlineTerms
        from goodhoster.takedowns.desk import NoticeDesk, NoticeParts
        from goodhoster.takedowns.forwarding import CustomerForwarding
        from goodhoster.uploads.content_lookup import coverage_gap

        services = self._services
        parts = NoticeParts(
            spool=self.spool,
            store=self.store,
            audit=services.audit,
            reader=self.reader,
            believe=self.trust.of_notice,
            acts=self.actions,
            letters=self.letters,
            outside=self.outside,
            pager=services.pager,
            lock=self.lock,
            clock=self.clock,
            ours=self.locator.ours,
            forwarding=CustomerForwarding(self.contacts, self._automatic),
            index_gap=lambda: coverage_gap(services.index, (tree.root for tree in services.trees)),
        )
        warn_before = timedelta(seconds=self._settings.warn_before)
        return NoticeDesk(parts, self.notifiers, DeadlineTerms(self.term, warn_before))

    @lazy
    def incoming(self) -> IncomingMail:
        """The receiver of what was kept: notices, and answers to our letters."""
        from goodhoster.takedowns.incoming_mail import IncomingMail

        parts = (self.desk, self.spool, self.store, self.reader, self.outbox)
        return IncomingMail(*parts, self.contacts, self._mailed_appeals)

    def _mailed_appeals(self) -> MailedAppeals | None:
        """The receiver of appeals by mail; None while there is no register on this host."""
        from goodhoster.takedowns.mailed_appeals import MailedAppeals

        if not self._services.customers.in_use:
            return None
        return MailedAppeals(self._letter_appeals(), self.trust.of_notice, self.locator.site_maps.contact_of)

    def form_appeals(self) -> FormAppeals | None:
        """The receiver of appeals by the web form; None while there is no register on this host."""
        from goodhoster.takedowns.form_appeals import FormAppeals

        if not self._services.customers.in_use:
            return None
        return FormAppeals(self._letter_appeals(), self.outbox.codes, self._language_of)

    def _language_of(self, customer_id: str) -> str:
        customer = self._services.customers.store.known(customer_id)
        return customer.language if customer else ""

    def _letter_appeals(self) -> LetterAppeals:
        from goodhoster.takedowns.letter_appeals import LetterAppeals

        return LetterAppeals(self._services.customers.standing.appeals, self._services.case_store, self.store)

    def contacts(self) -> ContactDesk | None:
        """The desk of customers' contacts; None while there is no register on this host."""
        customers = self._services.customers
        return customers.contacts if customers.in_use else None

    def vetting(self) -> VettingDesk | None:
        """The vetting of customers; None while there is no register on this host."""
        customers = self._services.customers
        return customers.vetting if customers.in_use else None

    @lazy
    def actions(self) -> TakedownActions:
        """The actions on one address."""
        from goodhoster.takedowns.actions import TakedownActions
        from goodhoster.uploads.check_scheduling import check_soon
        from goodhoster.uploads.index import Priority

        services = self._services
        # A hotline puts a picture on its list and sends the notice at once: what was a "no" before says nothing.
        # Whether its name makes it another size of what is offline does not matter where the notice names it.
        # So does whether an earlier notice took the same bytes.
        examiner = replace(services.examiner, match_by_name=lambda _: None, match_by_notice=lambda *_: None)
        examine = partial(examiner.examine, live=True)
        # What a notice points at is checked first.
        hurry = partial(check_soon, services.index, Priority.ORDERED)
        may_look = self.outside is not None
        with_content = self.locator.copies.with_content
        parts = (self.locator.locate, examine, services.desk, self.blocks, hurry)
        return TakedownActions(*parts, may_look=may_look, with_content=with_content)

    @lazy
    def letters(self) -> Answers:
        """The letters about notices."""
        from goodhoster.takedowns.answers import Answers

        own_addresses = frozenset({self.letterhead.objections.lower()})
        contact_of, store = self.locator.site_maps.contact_of, self._services.case_store
        parts = (self.outbox, self.letterhead, own_addresses, store, contact_of, self._automatic)
        return Answers(*parts, self.purges.is_purged) if self.purges else Answers(*parts)

    @lazy
    def manual_letters(self) -> ManualLetters:
        """Letters by order of a person."""
        from goodhoster.takedowns.manual_letters import ManualLetters

        return ManualLetters(self.store, self._services.audit, self.letters, self.lock)

    @lazy
    def list_owner_letters(self) -> ListOwnerLetters:
        """Letters to the owners of hash sources.

        They share letterhead and outbox with those about notices.
        """
        from goodhoster.assembly.sources import owner_addresses
        from goodhoster.assembly.state import exemption_sets, lists_directory
        from goodhoster.letters.list_owners.addresses import ListOwners
        from goodhoster.letters.list_owners.letters import ListOwnerLetters

        services = self._services
        sets = exemption_sets(services.settings)
        owners = ListOwners(owner_addresses(services.settings), lists_directory(services.settings), sets)
        return ListOwnerLetters(
            services.owner_reports, self.outbox, services.audit, self.letterhead, owners, self._automatic
        )

    @property
    def _automatic(self) -> bool:
        return self._services.rules.enforce

    @lazy
    def letterhead(self) -> Letterhead:
        """The sender of letters."""
        from goodhoster.letters.texts import Letterhead
        from goodhoster.settings.house_rules import read_house_rules

        settings = self._services.settings
        smtp, rules = settings.smtp, read_house_rules(settings.house_rules.file)
        return Letterhead(
            hoster=self._settings.hoster,
            objections=smtp.sender if smtp else "",
            language=_LANGUAGES[self._settings.language],
            grounds=rules.statement,
            months=rules.appeals.months,
            link=settings.contacts.link or "",
        )

    @lazy
    def outbox(self) -> Outbox:
        """Letters that wait for the mail server."""
        from goodhoster.letters.outbox import Outbox

        return Outbox(self._state_dir / "letters", self.clock, self._settings.answers_a_day)

    @lazy
    def mailer(self) -> Mailer | None:
        """The mailer; None while no mail server is set: letters wait."""
        from goodhoster.assembly.notices import mailer_of

        return mailer_of(self._services.settings)

    @lazy
    def outside(self) -> Outside | None:
        """The check from outside; None where that is not allowed."""
        from goodhoster.adapters.site_checks.http import HttpOutside

        if not self._settings.own_networks:
            return None
        return HttpOutside(self._reach)

    @property
    def _reach(self) -> Reach:
        """The addresses that may be looked at."""
        from goodhoster.adapters.site_checks.http import Reach

        served = self.locator.site_maps.ports_of
        return Reach(self._settings.own_networks, served=served, proxies=self._settings.look_through)

    @lazy
    def crawler(self) -> Crawler | None:
        """The crawler of our own sites; None where it is not configured."""
        crawl = self._services.settings.crawl
        if crawl.every is None or self.outside is None or not self.finds_sites:
            return None
        from goodhoster.adapters.site_checks.pages import HttpPages
        from goodhoster.takedowns.crawling import ContentChecks, Crawler, is_noticed
        from goodhoster.uploads.check_scheduling import check_soon
        from goodhoster.uploads.content_lookup import IndexedContents
        from goodhoster.uploads.index import Priority

        services = self._services
        checks = ContentChecks(
            examine=services.examiner.examine,
            examine_opened=services.examiner.examine_opened,
            sha256_of=IndexedContents(services.index.database).sha256_of,
            is_noticed=partial(is_noticed, services.case_store),
            tree_of=self._tree_of,
        )
        return Crawler(
            notices=self.store,
            cases=services.case_store,
            sites=self.locator.site_maps.current,
            locate=self.locator.locate,
            pages=HttpPages(self._reach),
            outside=self.outside,
            checks=checks,
            reopen=self.desk.found_again,
            hurry=partial(check_soon, services.index, Priority.FRESH),
            most=crawl.most,
        )

    @lazy
    def crawl_schedule(self) -> CrawlSchedule | None:
        """The rounds of the crawler; None where it is not configured."""
        if self.crawler is None:
            return None
        from goodhoster.takedowns.crawl_schedule import FILE, CrawlSchedule

        crawl, services = self._services.settings.crawl, self._services
        every, within = timedelta(seconds=crawl.every or 0.0), timedelta(seconds=crawl.reported_within)
        file = self._state_dir / FILE
        return CrawlSchedule(self.crawler, self.store, services.audit, self.clock, file, every, within)

    def _tree_of(self, host: str) -> bytes:
        """The watched tree that a host shows; empty where it shows none."""
        docroots = self.locator.site_maps.docroots_of(host)
        roots = (tree.root for tree in self._services.trees)
        below = (root for root in roots for shown in docroots if (shown + b"/").startswith(root.rstrip(b"/") + b"/"))
        return next(below, b"")

    @lazy
    def blocks(self) -> UrlBlocks | None:
        """The URL blocks; None where no web server is set up for it."""
        block = self._services.settings.block
        if block is None:
            return None
        from goodhoster.adapters.url_blocks.include_files import apache, nginx
        from goodhoster.adapters.url_blocks.webserver import WebServer, WebServerBlocks
        from goodhoster.assembly.notices import block_answer

        write = nginx if block.server == "nginx" else apache
        answer = block_answer(self._services.settings)
        server = WebServer(block.include, write, block.test, block.reload, answer, self._services.run)
        return WebServerBlocks(server, self.outside.look if self.outside else None)

    @lazy
    def purges(self) -> PurgeDesk | None:
        """The part that has caches in front of our sites purged; None where no [[purge]] is set."""
        if not self._services.settings.purges:
            return None
        from goodhoster.adapters.cache_purges.command import CommandPurge
        from goodhoster.adapters.stores.purges import SqlitePurgeQueue
        from goodhoster.ports.common import utc_now
        from goodhoster.takedowns.purging import CaseAddresses, PurgeDesk, PurgeHook

        services = self._services
        hooks = [
            PurgeHook(one.name, one.hosts, CommandPurge(one.command, one.give == "stdin", services.run))
            for one in services.settings.purges
        ]
        queue = self.closed_at_end(SqlitePurgeQueue(self._state_dir / "purges.sqlite"))
        addresses = CaseAddresses(self.locator.site_maps.current, self.store)
        return PurgeDesk(queue, services.audit, services.case_store, addresses, hooks, utc_now)

    @lazy
    def locator(self) -> Locator:
        """The locator of URLs."""
        from goodhoster.assembly.notices import locator

        services = self._services
        found = locator(services.settings, services.index, services.run, services.customers.owner_of)
        return replace(found, own_servers=services.customers.on_own_servers)

    @lazy
    def trust(self) -> Trust:
        """The rules of trust in senders."""
        from goodhoster.adapters.key_records.nameservers import DnsKeyRecords
        from goodhoster.adapters.stores.seen_mails import SqliteSeenMails
        from goodhoster.assembly.notices import forwarders
        from goodhoster.notices.sender.dkim_evaluation import TrustContext
        from goodhoster.notices.sender.forwarding import ForwarderCheck
        from goodhoster.notices.sender.pinned_keys.evaluation import PinnedKeyCheck
        from goodhoster.notices.sender.pinned_keys.pool import SignatureCheckPool
        from goodhoster.notices.sender.trust import Trust

        seen = self.closed_at_end(SqliteSeenMails(self._state_dir / "seen.sqlite"))
        authserv_id = self._settings.authserv_id or ""
        passed_on = forwarders(self._services.settings)
        context = TrustContext(self.notifiers, DnsKeyRecords(), seen, authserv_id, passed_on)
        checks: list[SignatureCheck] = []
        if any(notifier.smime_certificates or notifier.openpgp_keys for notifier in self.notifiers):
            checks.append(PinnedKeyCheck(context, self.closed_at_end(SignatureCheckPool(self.notifiers))))
        if passed_on:
            checks.append(ForwarderCheck(context))
        return Trust(context, checks)

    @lazy
    def notifiers(self) -> tuple[Notifier, ...]:
        """Every [[notifier]]."""
        from goodhoster.assembly.notices import notifiers

        return notifiers(self._services.settings)

    @lazy
    def reader(self) -> NoticeReader:
        """The reader of raw notices."""
        from goodhoster.notices.reading.pool import ReaderPool

        return self.closed_at_end(ReaderPool())

    @lazy
    def store(self) -> NoticeStore:
        """The record of notices."""
        from goodhoster.adapters.stores.notices import SqliteNoticeStore

        return self.closed_at_end(SqliteNoticeStore(self._state_dir / "notices.sqlite"))

    @lazy
    def spool(self) -> Spool:
        """Raw notices as they came."""
        from goodhoster.notices.spool import Spool

        return Spool(self._state_dir / "notices", self.clock)

    @lazy
    def lock(self) -> FileLock:
        """The lock that is held while the record of a notice changes."""
        from goodhoster.linux.file_lock import FileLock

        return FileLock(self._state_dir / "notices.lock")

    @lazy
    def clock(self) -> MonotonicClock:
        """The clock of deadlines, which the system's clock cannot set back."""
        from goodhoster.assembly.state import deadline_clock

        return deadline_clock(self._state_dir)

    @property
    def term(self) -> timedelta:
        """The time in which a notice must be dealt with where its sender has no profile."""
        return timedelta(seconds=self._settings.deadline)

    def figures(self) -> NoticeFigures:
        """Counts over all notices, with what was received and waits to be processed.

        Read only: makes no directory.
        """
        from goodhoster.notices.spool import WAITING, waiting_in
        from goodhoster.takedowns.summary import with_waiting

        waiting = waiting_in(self._state_dir / "notices" / WAITING)
        if waiting.receipts:  # what was taken in while they were listed is counted by the record, and once
            taken = self.store.recorded(receipt.id for receipt in waiting.receipts)
            waiting.receipts[:] = [receipt for receipt in waiting.receipts if receipt.id not in taken]
        return with_waiting(self.store.figures(self.clock()), waiting, self.clock() - self.term)
