"""Everything but the hash sources: for who reads the record or gives orders about it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import partial

from goodhoster.adapters.pagers.hooks import pager
from goodhoster.adapters.stores.cases import SqliteCaseStore
from goodhoster.adapters.stores.storms import SqliteStormStore
from goodhoster.assembly.mover import mover_or_here
from goodhoster.assembly.state import audit_log, exemption_sets, make_state_dir, owner_reports, trees_of
from goodhoster.audit.log import utc_now
from goodhoster.cases.desk import CaseDesk
from goodhoster.cases.storms import StormWatch
from goodhoster.checking.hasher import DirectHasher
from goodhoster.checking.licensed_libraries import expect_installed
from goodhoster.exemptions.lookup import Exemptions
from goodhoster.hashlists.opened_lists import OpenedLists
from goodhoster.linux.file_lock import FileLock
from goodhoster.linux.programs import Run, run_here
from goodhoster.model.fingerprints import FingerprintKind
from goodhoster.model.limits import ReadingLimits
from goodhoster.model.verdicts import Category
from goodhoster.policy.rules import HouseRules, Treatment
from goodhoster.ports import AuditLog, ObservedSource, Quarantine
from goodhoster.settings import Settings
from goodhoster.toolkit import Toolkit
from goodhoster.uploads.census import IndexCensus
from goodhoster.uploads.check_times import check_other_sizes, check_soon
from goodhoster.uploads.index import Priority, UploadIndex
from goodhoster.uploads.trees import Tree


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a process needs, put together from the settings."""

    settings: Settings
    trees: tuple[Tree, ...]
    sources: tuple[ObservedSource, ...]
    index: UploadIndex
    audit: AuditLog
    toolkit: Toolkit
    exemptions: Exemptions
    resources: ExitStack
    """How what was begun is given back."""
    run: Run
    """How programs that the configuration names are run."""
    shelf: OpenedLists | None = None
    """The own lists as the sources see them; None in a house without sources."""
    near: Mapping[FingerprintKind, int] = field(default_factory=dict)
    """Bits in which own lists may differ and still be near; empty where no source asks them."""

    def close(self) -> None:
        """Give everything back. May be called twice."""
        self.resources.close()


def assemble_desk(settings: Settings, quarantine: Quarantine | None = None, run: Run = run_here) -> Services:
    """A house without hash sources: in it nothing can be examined, and every verdict is *unchecked*.

    Without a quarantine it is the mover's while one listens, else that of this very process. ConfigurationError when
    something is not as it must be; nothing was started then.
    """
    state_dir = make_state_dir(settings.state_dir)
    trees = trees_of(settings)
    with ExitStack() as resources:
        store = resources.enter_context(closing(SqliteCaseStore(state_dir / "record.sqlite")))
        index = resources.enter_context(closing(UploadIndex(state_dir / "index.sqlite")))
        audit = audit_log(settings)
        storms = resources.enter_context(closing(SqliteStormStore(state_dir / "storms.sqlite")))
        rules, census = _rules(settings), IndexCensus(index.database)
        desk = CaseDesk(
            store=store,
            audit=audit,
            quarantine=quarantine or mover_or_here(settings, trees),
            rules=rules,
            turn=FileLock(state_dir / "desk.lock"),
            clock=utc_now,
            brake=StormWatch(storms, storms, census, store, audit, pager(settings.paging.command, run), rules, utc_now),
            owners=owner_reports(settings),
        )
        exemptions = Exemptions(exemption_sets(settings).directory)
        hasher = DirectHasher(reading_limits(settings))
        toolkit = Toolkit(
            (),
            store,
            audit,
            desk,
            hasher,
            exemptions,
            partial(check_soon, index, Priority.FRESH),
            partial(check_other_sizes, index),
        )
        return Services(settings, trees, (), index, audit, toolkit, exemptions, resources.pop_all(), run)


def reading_limits(settings: Settings) -> ReadingLimits:
    """How far files are read and opened. ConfigurationError when a licensed library that is named is not installed."""
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


def _rules(settings: Settings) -> HouseRules:
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
