"""The only place where settings choose adapters."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goodhoster.adapters.hashsources.kinds import Surroundings
from goodhoster.adapters.hashsources.remembering import AnswerBook, Remembering
from goodhoster.adapters.resolvers.nameservers import DnsKeyRecords
from goodhoster.adapters.stores.seenmails import SqliteSeenMails
from goodhoster.adapters.stores.sqlite import SqliteCaseStore
from goodhoster.audit.log import FileAuditLog, utc_now
from goodhoster.cases.desk import CaseDesk
from goodhoster.cases.turn import Turn
from goodhoster.checking import ownlists
from goodhoster.checking.listshelf import ListShelf
from goodhoster.errors import ConfigurationError
from goodhoster.evidence.quarantine import LocalQuarantine
from goodhoster.model.notices import Notifier
from goodhoster.noticehouse import NoticeHouse, Shared, notice_house
from goodhoster.notices.copies import Copies
from goodhoster.notices.ground import Ground
from goodhoster.notices.judgement import Court
from goodhoster.notices.locate import Locator
from goodhoster.notices.maps import Maps
from goodhoster.notices.serving import Serving
from goodhoster.notices.trust import Trust
from goodhoster.policy.decide import HouseRules
from goodhoster.ports import AuditLog, HashSource, ObservedSource
from goodhoster.settings import Settings, WatchSettings, installed_kinds, read_plugged
from goodhoster.toolkit import Toolkit
from goodhoster.uploads.contents import IndexedContents
from goodhoster.uploads.index import UploadIndex
from goodhoster.uploads.places import Tree

_GROUP = "goodhoster.hash_sources"


@dataclass(frozen=True, slots=True)
class House:
    """Everything a process needs, put together from the settings."""

    settings: Settings
    trees: tuple[Tree, ...]
    sources: tuple[ObservedSource, ...]
    index: UploadIndex
    audit: AuditLog
    toolkit: Toolkit
    begun: ExitStack
    """How what was begun is given back."""

    def close(self) -> None:
        """Give everything back. May be called twice."""
        self.begun.close()


def assemble(settings: Settings) -> House:
    """Put a process together. ConfigurationError when something is not as it must be; nothing was started then."""
    state_dir = make_state_dir(settings.state_dir)
    trees = trees_of(settings)
    with ExitStack() as begun:
        sources = tuple(begun.enter_context(closing(source)) for source in hash_sources(settings))
        store = begun.enter_context(closing(SqliteCaseStore(state_dir / "record.sqlite")))
        index = begun.enter_context(closing(UploadIndex(state_dir / "index.sqlite")))
        audit = audit_log(settings)
        desk = CaseDesk(
            store=store,
            audit=audit,
            quarantine=LocalQuarantine(tuple(tree.root for tree in trees)),
            rules=_rules(settings),
            turn=Turn(state_dir / "desk.lock"),
            clock=utc_now,
        )
        toolkit = Toolkit(sources, store, audit, desk, settings.agent.largest_file)
        return House(settings, trees, sources, index, audit, toolkit, begun.pop_all())


def trees_of(settings: Settings) -> tuple[Tree, ...]:
    """Every [[watch]]; ConfigurationError when one is no directory."""
    return tuple(map(_tree, settings.watches))


def audit_log(settings: Settings) -> AuditLog:
    """The audit log alone, for what needs nothing else."""
    return FileAuditLog(make_state_dir(settings.state_dir) / "audit.log")


def lists_directory(settings: Settings) -> Path:
    """Where own hash lists are kept."""
    directory = make_state_dir(settings.state_dir) / ownlists.DIRECTORY
    directory.mkdir(mode=0o700, exist_ok=True)
    return directory


def hash_sources(settings: Settings) -> tuple[ObservedSource, ...]:
    """Every [[hash_source]], counted and guarded."""
    around = Surroundings(ListShelf(lists_directory(settings)), utc_now)
    kinds = hash_source_kinds()
    sources: list[ObservedSource] = []
    with ExitStack() as begun:
        for plugged in settings.hash_sources:
            source = begun.enter_context(closing(read_plugged(plugged, kinds).build(around)))
            if source.name in {other.name for other in sources}:
                hint = "give each [[hash_source]] its name"
                raise ConfigurationError(f"two hash sources are called {source.name}", hint=hint)
            sources.append(source)
        begun.pop_all()
    return tuple(sources)


def check_hash_sources(settings: Settings) -> None:
    """Make every source as a process would, with its secrets; ConfigurationError when one cannot be made."""
    for source in hash_sources(settings):
        source.close()


def relay_sources(settings: Settings) -> tuple[HashSource, ...]:
    """The sources of the compatible hash service: what an upstream answered is remembered for a while."""
    directory = make_state_dir(settings.state_dir) / "hashservice"
    directory.mkdir(mode=0o700, exist_ok=True)
    book = AnswerBook(directory / "answers.sqlite")
    return tuple(source if source.local else Remembering(source, book) for source in hash_sources(settings))


def hash_source_kinds() -> Mapping[str, Any]:
    """The installed kinds of hash source by name; each is a settings class with `build(surroundings)`."""
    return installed_kinds(_GROUP)


def notifiers(settings: Settings) -> tuple[Notifier, ...]:
    """Every [[notifier]] with its keys and token; ConfigurationError when two have one id."""
    found = tuple(written.profile() for written in settings.notifiers)
    twice = [one.id for one, other in itertools.combinations(found, 2) if one.id == other.id]
    if twice:
        raise ConfigurationError(f"two notifiers are called {twice[0]}", hint="give each [[notifier]] its own id")
    return found


def trust(settings: Settings) -> Trust:
    """Who is believed."""
    seen = SqliteSeenMails(make_state_dir(settings.state_dir) / "seen.sqlite")
    return Trust(Court(notifiers(settings), DnsKeyRecords(), seen, settings.notices.authserv_id or ""))


def locator(settings: Settings, index: UploadIndex) -> Locator:
    """Where URLs live. The index is asked for copies."""
    ground = Ground(trees_of(settings))
    kinds = installed_kinds("goodhoster.directories")
    maps = Maps([read_plugged(plugged, kinds).build() for plugged in settings.directories])
    copies = Copies(ground, IndexedContents(index.database))
    return Locator(maps, Serving(ground), copies, settings.notices.own_networks)


def open_notices(house: House) -> NoticeHouse:
    """What handles notices, given back with the house."""
    settings = house.settings
    shared = Shared(settings, house.toolkit, trust(settings), locator(settings, house.index), notifiers(settings))
    return notice_house(shared, house.begun)


def make_state_dir(state_dir: Path) -> Path:
    """The state directory, private; made when it is missing."""
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = state_dir.stat().st_mode
    except OSError as error:
        raise ConfigurationError(
            f"the state directory {state_dir} cannot be made or read: {error.strerror}", hint="see agent.state_dir"
        ) from error
    if mode & 0o007:
        raise ConfigurationError(f"the state directory {state_dir} is open to others", hint=f"chmod 700 {state_dir}")
    return state_dir


def _tree(watch: WatchSettings) -> Tree:
    root = os.path.realpath(os.fsencode(watch.path))
    if not os.path.isdir(root):
        raise ConfigurationError(f"the watched tree {watch.path} is no directory", hint="see [[watch]] path")
    customer = None if watch.customer == "first-directory" else watch.customer
    return Tree(root, customer, watch.include_private_communication or "")


def _rules(settings: Settings) -> HouseRules:
    policy = settings.policy
    return HouseRules(policy.mode == "enforce", policy.storm_customers, policy.measures_per_hour)
