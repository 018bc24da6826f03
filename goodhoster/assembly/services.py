"""The composition: every part a process may need, made when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from goodhoster.assembly.lazy import LazyParts, lazy
from goodhoster.checking.hasher import DirectHasher
from goodhoster.linux.programs import run_here

if TYPE_CHECKING:
    from goodhoster.adapters.stores.attempt_counts import SqliteAttemptCounts
    from goodhoster.adapters.stores.cases import SqliteCaseStore
    from goodhoster.adapters.stores.pseudonyms import SqlitePseudonyms
    from goodhoster.alerts.desk import AlertDesk
    from goodhoster.assembly.bucket_services import BucketServices
    from goodhoster.assembly.customer_services import CustomerServices
    from goodhoster.assembly.evidence_services import EvidenceServices
    from goodhoster.assembly.notice_services import NoticeServices
    from goodhoster.assembly.panel_services import PanelServices
    from goodhoster.audit.keyed_log import KeyedAuditLog
    from goodhoster.cases.desk import CaseDesk
    from goodhoster.cases.observe_switch import ObserveSwitch
    from goodhoster.cases.storms import StormBrake
    from goodhoster.casework import Casework
    from goodhoster.examination import Examiner
    from goodhoster.exemptions.lookup import Exemptions
    from goodhoster.hashlists.opened_lists import OpenedLists
    from goodhoster.letters.list_owners.reports import ListOwnerReports
    from goodhoster.linux.programs import Run
    from goodhoster.model.cases import Case
    from goodhoster.model.fingerprints import FingerprintKind
    from goodhoster.model.limits import ReadingLimits
    from goodhoster.policy.rules import HouseRules
    from goodhoster.ports import Hasher, ObservedSource, Pager, Quarantine
    from goodhoster.settings import Settings
    from goodhoster.toolkit import Toolkit
    from goodhoster.upload_attempts import AttemptCounts, UploadAttempts
    from goodhoster.uploads.index import UploadIndex
    from goodhoster.uploads.trees import Tree


class Services(LazyParts):
    """One for each process: the daemon, a door, a command.

    ConfigurationError where a part cannot be made.

    Without another `make_hasher` files are opened in this process: enough for one's own, not for outsiders'. Without a
    `quarantine` it is the mover's while one listens, else that of this very process. Programs that the configuration
    names are run by `run`.
    """

    def __init__(
        self,
        settings: Settings,
        make_hasher: Callable[[ReadingLimits], Hasher] = DirectHasher,
        quarantine: Quarantine | None = None,
        run: Run = run_here,
    ) -> None:
        from goodhoster.assembly.notices import docroots
        from goodhoster.assembly.state import make_state_dir, trees_of

        super().__init__()
        self.settings = settings
        self.state_dir = make_state_dir(settings.state_dir)
        self.trees: tuple[Tree, ...] = trees_of(settings, docroots(settings, run), self._owner_of)
        self.run = run
        self._make_hasher = make_hasher
        self._quarantine = quarantine

    def _owner_of(self, path: bytes) -> str:
        return self.customers.owner_of(path)

    @property
    def unused(self) -> frozenset[str]:
        """See `LazyParts`.

        The answers at the doors are the doors' own, casework is people's, and panels are a choice.
        """
        doors = {"attempts", "attempt_counts", "attempt_ledger", "casework"}
        return frozenset(doors if self.settings.suspends else {*doors, "panels"})

    @lazy
    def toolkit(self) -> Toolkit:
        """The toolkit."""
        from goodhoster.toolkit import Toolkit
        from goodhoster.uploads.check_scheduling import check_other_sizes, check_soon
        from goodhoster.uploads.index import Priority

        return Toolkit(
            self.case_store,
            self.audit,
            self.desk,
            lambda: self.examiner,
            lambda uploads: check_soon(self.index, Priority.FRESH, uploads),
            lambda place: check_other_sizes(self.index, place),
        )

    @lazy
    def desk(self) -> CaseDesk:
        """The case desk, which decides and acts."""
        from goodhoster.assembly.mover import mover_or_here
        from goodhoster.cases.desk import CaseDesk
        from goodhoster.linux.file_lock import FileLock
        from goodhoster.linux.holder_locks import HolderLocks
        from goodhoster.ports.common import utc_now

        files = self._quarantine or mover_or_here(self.settings, self.trees)
        return CaseDesk(
            store=self.case_store,
            audit=self.audit,
            quarantine=self.buckets.beside(files) if self.settings.buckets else files,
            rules=self.rules,
            lock=FileLock(self.state_dir / "desk.lock"),
            holders=HolderLocks(self.state_dir / "desk.holders"),
            clock=utc_now,
            brake=self.brake,
            owners=self.owner_reports,
            concluded=self._look_for_other_sizes,
        )

    def _look_for_other_sizes(self, case: Case) -> None:
        """What whoever gave the order would have done, had it waited for the end."""
        from goodhoster.cases.other_sizes import withdraw_by_name
        from goodhoster.model.cases import CaseState
        from goodhoster.uploads.check_scheduling import check_other_sizes

        if case.state is CaseState.OFFLINE:
            check_other_sizes(self.index, case.upload.place)
        elif case.state is CaseState.RESTORED:
            withdraw_by_name(self.desk, case.upload.place)

    @lazy
    def brake(self) -> StormBrake:
        """The brake, which holds measures that are too many."""
        from goodhoster.adapters.stores.storms import SqliteStormStore
        from goodhoster.cases.storms import StormBrake
        from goodhoster.ports.common import utc_now
        from goodhoster.uploads.census import IndexCensus

        storms = SqliteStormStore(self.case_store.record)
        census = IndexCensus(self.index.database)
        return StormBrake(storms, storms, census, self.case_store, self.audit, self.pager, self.rules, utc_now)

    @lazy
    def examiner(self) -> Examiner:
        """The examiner of files."""
        from goodhoster.cases.noticed_contents import match_by_notice
        from goodhoster.cases.other_sizes import match_by_name
        from goodhoster.examination import Examiner
        from goodhoster.ports.common import utc_now

        store, permitted = self.case_store, self.customers.permitted_sources
        by_name = partial(match_by_name, store)
        examiner = Examiner(
            self.sources,
            self.hasher,
            utc_now,
            self.exemptions,
            by_name,
            lambda place, content, picture: match_by_notice(store, place, content, picture=picture),
            permitted,
            self._asks_everything,
        )
        return replace(examiner, open=self.buckets.opener.open) if self.settings.buckets else examiner

    @lazy
    def attempts(self) -> UploadAttempts:
        """The answers to applications that ask before they store an upload."""
        from goodhoster.examination import Examiner
        from goodhoster.ports.common import utc_now
        from goodhoster.upload_attempts import UploadAttempts

        exempt, permitted = self.exemptions, self.customers.permitted_sources
        everything = self._asks_everything
        examiner = Examiner(self.sources, self.hasher, utc_now, exempt, permitted=permitted, ask_everything=everything)
        sealing = self.evidence.attempt_sealing
        return UploadAttempts(examiner, self.desk, self.attempt_counts, self.rules_now, sealing)

    @lazy
    def attempt_counts(self) -> AttemptCounts:
        """The counts of what applications were told."""
        from goodhoster.upload_attempts import AttemptCounts

        return self.closed_at_end(AttemptCounts(self.attempt_ledger.add))

    @lazy
    def attempt_ledger(self) -> SqliteAttemptCounts:
        """The counts of what applications were told, by day, on disk."""
        from goodhoster.adapters.stores.attempt_counts import FILE, SqliteAttemptCounts

        return self.closed_at_end(SqliteAttemptCounts(self.state_dir / FILE))

    @lazy
    def sources(self) -> tuple[ObservedSource, ...]:
        """Every [[hash_source]], with what services answered before."""
        from goodhoster.assembly.sources import checking_sources

        return tuple(self.closed_at_end(source) for source in checking_sources(self.settings, self.own_lists))

    @lazy
    def own_lists(self) -> OpenedLists:
        """The own lists of this host as the sources see them."""
        from goodhoster.assembly.state import lists_directory
        from goodhoster.hashlists.opened_lists import OpenedLists

        return OpenedLists(lists_directory(self.settings))

    @lazy
    def near(self) -> Mapping[FingerprintKind, int]:
        """Bits in which own lists may differ and still be near; empty where no source asks them."""
        from goodhoster.assembly.sources import near_limits

        return near_limits(self.settings)

    @lazy
    def hasher(self) -> Hasher:
        """The reader of files."""
        return self.closed_at_end(self._make_hasher(reading_limits(self.settings)))

    @lazy
    def exemptions(self) -> Exemptions:
        """The contents that are known to be harmless."""
        from goodhoster.assembly.state import exemption_sets
        from goodhoster.exemptions.lookup import Exemptions

        return Exemptions(exemption_sets(self.settings).directory)

    @lazy
    def index(self) -> UploadIndex:
        """The upload index: the files that exist, and those that wait for a check."""
        from goodhoster.uploads.index import UploadIndex

        index = self.closed_at_end(UploadIndex(self.state_dir / "index.sqlite"))
        index.seen.ask_everything = self._asks_everything
        return index

    @property
    def _asks_everything(self) -> bool:
        return self.settings.agent.ask_about == "everything"

    @lazy
    def case_store(self) -> SqliteCaseStore:
        """The record of cases."""
        from goodhoster.adapters.stores.cases import SqliteCaseStore

        return self.closed_at_end(SqliteCaseStore(self.state_dir / "record.sqlite"))

    @property
    def casework_in_use(self) -> bool:
        """Whether anybody ever noted or took something here; makes nothing."""
        from goodhoster.adapters.stores.casework import FILE

        return (self.state_dir / FILE).exists()

    @lazy
    def casework(self) -> Casework:
        """The notes on cases and notices, and who works on them.

        Its file is made with the first of them.
        """
        from goodhoster.adapters.stores.casework import FILE, SqliteCaseworkStore
        from goodhoster.casework import Casework
        from goodhoster.ports.common import utc_now

        return Casework(self.closed_at_end(SqliteCaseworkStore(self.state_dir / FILE)), self.audit, utc_now)

    @lazy
    def audit(self) -> KeyedAuditLog:
        """The audit log, with references in place of personal data."""
        from goodhoster.assembly.state import file_audit_log
        from goodhoster.audit.keyed_log import KeyedAuditLog

        return KeyedAuditLog(file_audit_log(self.settings), self.pseudonyms)

    @lazy
    def pseudonyms(self) -> SqlitePseudonyms:
        """The keys of the audit log's references."""
        from goodhoster.assembly.state import pseudonyms

        return self.closed_at_end(pseudonyms(self.settings))

    @lazy
    def owner_reports(self) -> ListOwnerReports:
        """The reports that are due to owners of hash sources."""
        from goodhoster.assembly.state import owner_reports

        return owner_reports(self.settings)

    @lazy
    def pager(self) -> Pager:
        """The pager that alerts a person."""
        from goodhoster.adapters.pagers.hooks import LogPager

        return self.alerts or LogPager()

    @lazy
    def alerts(self) -> AlertDesk | None:
        """The desk that alerts persons by rules; None where neither [[alert]] nor [paging] is set."""
        from goodhoster.assembly.alerts import alert_desk

        desk = alert_desk(self)
        return self.closed_at_end(desk) if desk else None

    @lazy
    def rules(self) -> HouseRules:
        """The [policy] settings as they were first asked for.

        Without measures if a person had switched all of them off by then.
        """
        return self.rules_now()

    def rules_now(self) -> HouseRules:
        """The [policy] settings, without measures while a person has switched all of them off."""
        rules = house_rules(self.settings)
        return replace(rules, enforce=rules.enforce and not self.observe_switch.stops_measures())

    @lazy
    def observe_switch(self) -> ObserveSwitch:
        """The switch of `goodhoster observe --now`."""
        from goodhoster.assembly.state import emergency_switch

        return emergency_switch(self.state_dir)

    @lazy
    def buckets(self) -> BucketServices:
        """The part that checks object stores."""
        from goodhoster.assembly.bucket_services import BucketServices

        return self.closed_at_end(BucketServices(self))

    @lazy
    def panels(self) -> PanelServices:
        """The part that asks control panels and billing systems, and suspends."""
        from goodhoster.assembly.panel_services import PanelServices

        return self.closed_at_end(PanelServices(self))

    @lazy
    def notices(self) -> NoticeServices:
        """The part that handles notices."""
        from goodhoster.assembly.notice_services import NoticeServices

        return self.closed_at_end(NoticeServices(self))

    @lazy
    def evidence(self) -> EvidenceServices:
        """The part that seals evidence and keeps it."""
        from goodhoster.assembly.evidence_services import EvidenceServices

        return self.closed_at_end(EvidenceServices(self))

    @lazy
    def customers(self) -> CustomerServices:
        """The part that knows the customers."""
        from goodhoster.assembly.customer_services import CustomerServices

        return self.closed_at_end(CustomerServices(self))


def reading_limits(settings: Settings) -> ReadingLimits:
    """The limits for reading and opening files.

    ConfigurationError when a licensed library that is named is not installed.
    """
    from goodhoster.checking.licensed_libraries import expect_installed
    from goodhoster.model.limits import ReadingLimits

    hashing = settings.hashing
    if hashing.photodna:
        expect_installed(hashing.photodna)
    return ReadingLimits(
        file_bytes=settings.agent.largest_file,
        pixels=hashing.largest_picture,
        frames=hashing.frames,
        members=hashing.members,
        member_bytes=hashing.unpacked,
        seconds=hashing.seconds,
        memory=hashing.memory,
        photodna=hashing.photodna or "",
    )


def house_rules(settings: Settings) -> HouseRules:
    """The policy that the [policy] section describes."""
    from goodhoster.model.verdicts import Category
    from goodhoster.policy.rules import HouseRules, Treatment

    policy = settings.policy
    return HouseRules(
        enforce=policy.mode == "enforce",
        storm_customers=policy.storm_customers,
        measures_per_hour=policy.measures_per_hour,
        source_measures_per_hour=policy.source_measures_per_hour,
        rate_times=policy.rate_times,
        treatments={category: Treatment(getattr(policy, category)) for category in Category},
        near=Treatment(policy.near),
        answers_count_for=policy.answers_count_for,
    )
