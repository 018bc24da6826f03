"""The part of the composition that knows the customers."""

from __future__ import annotations

import logging
import os
import time
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from goodhoster.assembly.lazy import LazyParts, lazy
from goodhoster.errors import GoodhosterError
from goodhoster.uploads.trees import UNASSIGNED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from goodhoster.adapters.stores.database import RecordFile
    from goodhoster.adapters.stores.notices import SqliteNoticeStore
    from goodhoster.assembly.services import Services
    from goodhoster.assembly.standing_services import StandingServices
    from goodhoster.customers.contacts.desk import ContactDesk
    from goodhoster.customers.importing.importer import ImportResult, RegisterImporter, RegisterImportOrder
    from goodhoster.customers.legal_basis import LegalBasisRegister
    from goodhoster.customers.personal_data import PersonalData
    from goodhoster.customers.register import Register
    from goodhoster.customers.screening.desk import ScreeningDesk
    from goodhoster.customers.screening.parties import KeptLists
    from goodhoster.customers.server_networks import ServerNetworks
    from goodhoster.customers.vetting.desk import VettingDesk
    from goodhoster.model.cases import Case
    from goodhoster.model.casework import Note
    from goodhoster.model.customers.suspensions import Suspension
    from goodhoster.model.uploads import Place
    from goodhoster.policy.contacts import ContactRules
    from goodhoster.ports import CustomerStore, CustomerTraces, HashSource, MailDomains, WebDocuments
    from goodhoster.ports.panels import SuspensionStore
    from goodhoster.settings import Settings
    from goodhoster.settings.contacts import ContactSettings

_log = logging.getLogger(__name__)
FILE = "customers.sqlite"
DIRECTORIES = "directories"
"""The source that the sites of every [[directory]] are in the register."""
_SAY_AGAIN = 60.0
"""Seconds between warnings of the same."""


class CustomerServices(LazyParts):
    """Everything about customers, for the daemon and the commands.

    The file is made with the first part that is asked for: an agent without a register has none. A part that needs a
    library of its own imports it in its own method.
    """

    def __init__(self, services: Services) -> None:
        super().__init__()
        self._services = services
        self._file = os.fspath(services.state_dir / FILE)
        self._told_at = -_SAY_AGAIN

    def make_all(self) -> None:
        """Make every part where there is a register.

        A daemon without one makes none, and imports nothing for it.
        """
        if self.in_use:
            super().make_all()

    @property
    def in_use(self) -> bool:
        """Whether there is a register on this host at all; asks nothing else and makes nothing."""
        return os.path.exists(self._file)

    @lazy
    def record(self) -> RecordFile:
        """The file in which every subject has its tables."""
        from goodhoster.adapters.stores.customers.database import customers_file

        return self.closed_at_end(customers_file(self._services.state_dir / FILE))

    def owner_of(self, path: bytes) -> str:
        """The customer whose site a file lies in; empty where the register does not tell.

        So is it while the register cannot be read.
        Whoever asks goes on by the names of directories: no upload waits for the register.
        """
        return self._told_by_register(lambda register: register.owner_of(path))

    def customer_of_site(self, host: str) -> str:
        """Customer whose site a host name is; empty where the register does not tell."""
        return self._told_by_register(lambda register: register.customer_of_site(host))

    def customer_of_account(self, account: str) -> str:
        """Customer whose sites that account owns.

        The account's name where the register does not tell.
        """
        return self._told_by_register(lambda register: register.customer_of_account(account)) or account

    def _told_by_register(self, ask: Callable[[Register], str]) -> str:
        if not self.in_use:
            return ""
        try:
            return ask(self.register)
        except GoodhosterError as error:
            now = time.monotonic()
            if now - self._told_at >= _SAY_AGAIN:
                self._told_at = now
                _log.warning("the register cannot tell whose files are, their first directory is taken: %s", error)
            return ""

    @lazy
    def server_networks(self) -> ServerNetworks:
        """The networks of customers' own servers."""
        from goodhoster.customers.server_networks import ServerNetworks

        return ServerNetworks(self.store)

    def on_own_servers(self, address: str) -> tuple[str, ...]:
        """The customers on whose servers of their own an address is.

        Raises where the register cannot be read: nothing is told away then.
        """
        return self.server_networks.owners_of(address) if self.in_use else ()

    @lazy
    def store(self) -> CustomerStore:
        """The register as it is kept."""
        from goodhoster.adapters.stores.customers.register import SqliteCustomerStore

        return SqliteCustomerStore(self.record)

    @lazy
    def suspensions(self) -> SuspensionStore:
        """The record of suspensions."""
        from goodhoster.adapters.stores.customers.suspensions import SqliteSuspensionStore

        return SqliteSuspensionStore(self.record)

    def open_suspensions(self, customer_id: str | None = None) -> list[Suspension]:
        """The suspensions that are not over, of one customer or of all."""
        from goodhoster.model.customers.suspensions import SuspensionState
        from goodhoster.ports.panels import SuspensionQuery

        over = {SuspensionState.LIFTED, SuspensionState.FAILED, SuspensionState.ENDED_ELSEWHERE}
        names = (None,) if customer_id is None else (customer_id, *self.store.former_ids(customer_id))
        states = frozenset(SuspensionState) - over
        queries = (SuspensionQuery(states=states, customer=name) for name in names)
        return [found for query in queries for found in self.suspensions.find(query)]

    @lazy
    def standing(self) -> StandingServices:
        """House rules, standing, statements and appeals."""
        from goodhoster.assembly.standing_services import StandingServices

        return self.closed_at_end(StandingServices(self._services, self))

    @lazy
    def contacts(self) -> ContactDesk:
        """The part that asks contacts and takes their answers."""
        from goodhoster.adapters.pagers.hooks import pager
        from goodhoster.adapters.stores.customers.contacts import SqliteContactStore
        from goodhoster.customers.contacts.desk import ContactDesk, ContactParts
        from goodhoster.letters.contact_letters import OutgoingContactLetters

        services, settings = self._services, self._services.settings.contacts
        notices = services.notices
        parts = ContactParts(
            customers=self.store,
            store=SqliteContactStore(self.record),
            letters=OutgoingContactLetters(notices.outbox, notices.letterhead, settings.link or ""),
            domains=mail_domains(services.settings),
            audit=services.audit,
            telephone=pager(settings.phone_command, services.run) if settings.phone_command else None,
            clock=notices.clock.seen,
            high_risk=self._is_of_high_risk,
        )
        return ContactDesk(parts, contact_rules(settings))

    def _is_of_high_risk(self, customer_id: str) -> bool:
        return self.vetting.is_high_risk(customer_id)

    @lazy
    def register(self) -> Register:
        """The register."""
        from goodhoster.customers.register import Register

        return Register(self.store)

    @lazy
    def legal_bases(self) -> LegalBasisRegister:
        """The legal basis register."""
        from goodhoster.adapters.stores.customers.legal_basis import SqliteLegalBasisStore
        from goodhoster.customers.legal_basis import LegalBasisRegister
        from goodhoster.ports.common import utc_now

        return LegalBasisRegister(SqliteLegalBasisStore(self.record), self._services.audit, utc_now)

    def permitted_sources(self, sources: Sequence[HashSource], place: Place) -> Sequence[HashSource]:
        """The sources, with a refusal in place of those whose legal basis has ended for this tree.

        A place below no tree is an attempt at the doors.
        """
        from goodhoster.checking.legal_basis import without_basis
        from goodhoster.model.customers.legal_basis import DOORS

        if not self.in_use:
            return sources
        tree = place.tree or DOORS.encode()
        return without_basis(sources, self.legal_bases.ended_sources(tree, [each.name for each in sources]))

    @lazy
    def vetting(self) -> VettingDesk:
        """The vetting of customers."""
        from goodhoster.adapters.stores.customers.vetting import SqliteVettingStore
        from goodhoster.assembly.vetting import vetting_desk
        from goodhoster.customers.vetting.risk import RiskFacts

        settings, records = self._services.settings, (SqliteVettingStore(self.record), self._services.audit)
        facts = RiskFacts(self.register, settings.vetting.free_domain_names, self._has_known_material)
        return vetting_desk(settings, records, facts, lambda: self.contacts)

    @lazy
    def kept_lists(self) -> KeptLists:
        """The lists that customers were screened against."""
        from goodhoster.customers.screening.parties import KeptLists

        return KeptLists(self._services.state_dir / "screening")

    def screening(self) -> ScreeningDesk:
        """The screening of customers; ConfigurationError without the libraries of its extra.

        No lazy part: a daemon does not need those libraries to start.
        """
        from functools import partial

        from goodhoster.adapters.stores.customers.screening import SqliteScreeningStore
        from goodhoster.errors import ConfigurationError
        from goodhoster.linux.file_lock import FileLock
        from goodhoster.ports.common import utc_now

        try:
            from goodhoster.customers.screening.desk import ScreeningDesk, ScreeningParts
            from goodhoster.customers.screening.parties import parties_of
        except ModuleNotFoundError as error:
            hint = "install it with its extra: goodhoster[screening]"
            raise ConfigurationError(f"screening needs {error.name}, which is not installed", hint=hint) from error
        parties = partial(parties_of, self.register)
        lock = FileLock(self._services.state_dir / "screening.lock")
        store = SqliteScreeningStore(self.record)
        return ScreeningDesk(ScreeningParts(parties, store, self._services.audit, utc_now, lock))

    def _has_known_material(self, customer_id: str) -> bool:
        from goodhoster.model.cases import CaseState
        from goodhoster.ports import CaseQuery

        ids = (customer_id, *self.store.former_ids(customer_id))
        offline = frozenset({CaseState.OFFLINE})
        return any(self._services.case_store.count(CaseQuery(states=offline, customer=name)) for name in ids)

    @lazy
    def personal_data(self) -> PersonalData:
        """What is held of each customer, to be exported and forgotten."""
        from goodhoster.adapters.stores.customers.personal_data import SqlitePersonalData
        from goodhoster.customers.personal_data import PersonalData
        from goodhoster.linux.file_lock import FileLock

        services, lock = self._services, FileLock(self._services.state_dir / "customers.lock")
        held = SqlitePersonalData(self.record)
        return PersonalData(
            self.register,
            held,
            services.case_store,
            services.audit,
            lock,
            self._traces(),
            self._notices(),
            self._drawn_urls,
            self._needed_cases,
            self._online,
            services.notices.lock,
            self._notes_on,
        )

    def _notices(self) -> SqliteNoticeStore | None:
        """The record of notices; None where there was never one."""
        from goodhoster.adapters.stores.notices import SqliteNoticeStore

        file = self._services.state_dir / "notices.sqlite"
        return self.closed_at_end(SqliteNoticeStore(file)) if file.exists() else None

    def _drawn_urls(self, customer_id: str, urls: Sequence[str]) -> Mapping[str, str]:
        """The name in place of each URL; those of one domain stay together."""
        from goodhoster.adapters.stores.customer_traces import drawing_scope
        from goodhoster.assembly.reports.maker import domain_of
        from goodhoster.model.pseudonyms import forgotten_url

        values = {(field, value) for url in urls for field, value in (("host", domain_of(url)), ("url", url))}
        drawn = self._services.pseudonyms.drawn(drawing_scope(customer_id), values) if urls else {}
        return {url: forgotten_url(drawn["host", domain_of(url)], drawn["url", url]) for url in urls}

    def _needed_cases(self) -> Callable[[Case], bool]:
        """Tells whether a hold, an appeal or an order wants a case kept as it is."""
        evidence = self._services.evidence
        held = evidence.held_cases()
        return lambda case: case.id in held or bool(evidence.forbids(case))

    def _online(self, case: Case) -> bool:
        """Whether a file of a case, or a copy of it at the same customer, is still in a tree."""
        from goodhoster.uploads.trees import may_be_there

        contents = [case.about(number).sha256 for number in range(len(case.measures))] or [case.digests.sha256]
        same = self._services.index.with_contents(contents, case.upload.customer)
        return any(may_be_there(place) for place in [*(upload.place for upload in case.uploads), *same])

    def _notes_on(self, case_ids: Sequence[str]) -> list[Note]:
        """What people of the desk noted on cases; makes no file where nobody did."""
        if not self._services.casework_in_use:
            return []
        store = self._services.casework.store
        return [note for case_id in case_ids for note in store.notes(case_id)]

    def _traces(self) -> tuple[CustomerTraces, ...]:
        """What names customers beside the register.

        The keys of the audit log come last, as entries are written before.
        """
        from goodhoster.adapters.stores.alerts import SqliteAlertQueue
        from goodhoster.adapters.stores.casework import FILE as CASEWORK_FILE
        from goodhoster.adapters.stores.casework import CaseworkTraces, SqliteCaseworkStore
        from goodhoster.adapters.stores.customer_traces import KeyTraces, LetterTraces, RecordTraces, UrlKeyTraces
        from goodhoster.adapters.stores.purges import SqlitePurgeQueue
        from goodhoster.assembly import alerts

        services = self._services
        # What the log says of URLs first: only the record of notices, which comes later, tells which they are.
        found: list[CustomerTraces] = [UrlKeyTraces(services.pseudonyms), RecordTraces(services.case_store.record)]
        found.append(services.index)
        if (purges := services.state_dir / "purges.sqlite").exists():
            found.append(self.closed_at_end(SqlitePurgeQueue(purges)))
        if services.casework_in_use:
            casework = self.closed_at_end(SqliteCaseworkStore(services.state_dir / CASEWORK_FILE))
            found.append(CaseworkTraces(casework))
        if (notices := self._notices()) is not None:
            found.append(notices)
        if (services.state_dir / "letters").is_dir():
            found.append(LetterTraces(services.state_dir / "letters"))
        if (queue := services.state_dir / alerts.FILE).exists():
            found.append(self.closed_at_end(SqliteAlertQueue(queue)))
        return (*found, KeyTraces(services.pseudonyms))

    @lazy
    def importer(self) -> RegisterImporter:
        """The importer of customer lists."""
        from goodhoster.customers.importing.importer import RegisterImporter
        from goodhoster.linux.file_lock import FileLock
        from goodhoster.ports.common import utc_now

        lock = FileLock(self._services.state_dir / "customers.lock")
        return RegisterImporter(self.store, self._services.audit, lock, utc_now)


def import_directories(services: Services, order: RegisterImportOrder) -> ImportResult:
    """Import the sites of every [[directory]] but the register itself, as all there is of them.

    Raises what a directory raises: nothing was changed then.
    """
    from goodhoster.adapters.directories.customer_register import RegisterDirectory
    from goodhoster.assembly.notices import directories
    from goodhoster.customers.importing.directory_rows import directory_rows
    from goodhoster.customers.importing.rows import ListReport
    from goodhoster.errors import RefusedError

    sources = [one for one in directories(services.settings, services.run) if not isinstance(one, RegisterDirectory)]
    if not sources:
        raise RefusedError("no [[directory]] is configured that knows sites", hint="add one of kind nginx or apache")
    report = ListReport(unit="entry")
    sites = (site for source in sources for site in source.sites())
    rows = directory_rows(sites, report, partial(_first_directory, services))
    whole = replace(order, origin=DIRECTORIES, replace=True)
    return services.customers.importer.import_rows(rows, whole, report, name=DIRECTORIES)


def _first_directory(services: Services, docroot: bytes) -> str:
    """The customer of a document root by a watched tree's directories alone; empty for nobody."""
    for tree in services.trees:
        if place := tree.place_of(os.path.join(docroot, b"any")):
            customer = replace(tree, owner_of=None).customer_of(place.path)
            return "" if customer == UNASSIGNED else customer
    return ""


def contact_rules(settings: ContactSettings) -> ContactRules:
    """The terms that the [contacts] section sets."""
    from goodhoster.policy.contacts import ContactRules

    return ContactRules(
        valid_for=timedelta(seconds=settings.valid_for),
        valid_for_high_risk=timedelta(seconds=settings.valid_for_high_risk),
        token_for=timedelta(seconds=settings.token_for),
        drill_within=timedelta(seconds=settings.drill_within),
        notice_within=timedelta(seconds=settings.notice_within),
        drill_every=timedelta(seconds=settings.drill_every),
        drills_a_day=settings.drills_a_day,
    )


def mail_domains(settings: Settings) -> MailDomains:
    """The check of mail addresses."""
    from goodhoster.adapters.mail_domains.nameservers import DnsMailDomains

    server = settings.contacts.name_server
    return DnsMailDomains((server[0],), server[1]) if server else DnsMailDomains()


def outside_parts(settings: Settings) -> tuple[WebDocuments, MailDomains]:
    """What asks servers of others how we can be reached."""
    from goodhoster.adapters.web_documents.https import HttpsDocuments

    return HttpsDocuments(), mail_domains(settings)
