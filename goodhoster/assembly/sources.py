"""Every [[hash_source]], counted and guarded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from goodhoster.errors import ConfigurationError

if TYPE_CHECKING:
    from goodhoster.adapters.hash_sources.caching import CacheLifetimes
    from goodhoster.adapters.hash_sources.rollout import Record
    from goodhoster.hashlists.opened_lists import OpenedLists
    from goodhoster.model.fingerprints import FingerprintKind
    from goodhoster.ports import HashSource, ObservedSource
    from goodhoster.settings import RolloutSettings, Settings

_GROUP = "goodhoster.hash_sources"
_ALL = 100  # percent
OWN_LISTS = "list"
"""The name of the source that is the lists on this host."""


def hash_sources(settings: Settings) -> tuple[ObservedSource, ...]:
    """Every [[hash_source]], counted and guarded."""
    return _build(settings, _read(settings), opened_lists(settings))


def checking_sources(settings: Settings, collection: OpenedLists) -> tuple[ObservedSource, ...]:
    """The hash sources for checking files; answers of services are cached for all processes."""
    from goodhoster.assembly.state import make_state_dir

    return _build(settings, _read(settings), collection, make_state_dir(settings.state_dir) / "answers")


def opened_lists(settings: Settings) -> OpenedLists:
    """The own lists of this host."""
    from goodhoster.assembly.state import lists_directory
    from goodhoster.hashlists.opened_lists import OpenedLists

    return OpenedLists(lists_directory(settings))


def near_limits(settings: Settings) -> Mapping[FingerprintKind, int]:
    """The number of bits in which own lists may differ and still be near.

    Empty where no [[hash_source]] has own lists.
    """
    from goodhoster.adapters.hash_sources.settings import ListKind

    return next((kind.within for kind, _ in _read(settings) if isinstance(kind, ListKind)), {})


def _read(settings: Settings) -> list[tuple[Any, RolloutSettings]]:
    """Every [[hash_source]] as a value of its kind's settings class, and how far it is trusted."""
    from goodhoster.settings import read_plugged
    from goodhoster.settings.all_errors import gathered

    kinds = hash_source_kinds()
    read: list[tuple[Any, RolloutSettings]] = []
    with gathered() as errors:
        for plugged in settings.hash_sources:
            with errors.step():
                read.append((read_plugged(plugged, kinds), plugged.common))
    return read


def _build(
    settings: Settings,
    read: Iterable[tuple[Any, RolloutSettings]],
    collection: OpenedLists,
    cache_file: Path | None = None,
) -> tuple[ObservedSource, ...]:
    from goodhoster.adapters.hash_sources.answer_cache import AnswerCache
    from goodhoster.adapters.hash_sources.caching import CachingSource, identity_of
    from goodhoster.adapters.hash_sources.isolation import IsolatedSource
    from goodhoster.adapters.hash_sources.rollout import shadow_recorder
    from goodhoster.adapters.hash_sources.settings import Surroundings
    from goodhoster.assembly.state import audit_log
    from goodhoster.ports.common import utc_now

    around = Surroundings(collection, utc_now)
    record = shadow_recorder(audit_log(settings))
    sources: list[ObservedSource] = []
    with ExitStack() as resources:
        open_cache = cache(lambda file: resources.enter_context(closing(AnswerCache(file))))
        for kind, rollout in read:
            built: ObservedSource = IsolatedSource(resources.enter_context(closing(kind.build(around))))
            if cache_file is not None and not built.local and (rollout.remember_yes or rollout.remember_no):
                lifetimes = _cache_lifetimes(rollout, settings)
                built = CachingSource(built, open_cache(cache_file), lifetimes, identity_of(kind))
            source = _with_rollout(built, rollout, record)
            if source.name in {other.name for other in sources}:
                hint = "give each [[hash_source]] its name"
                raise ConfigurationError(f"two hash sources are called {source.name}", hint=hint)
            sources.append(source)
        resources.pop_all()
    return tuple(sources)


def _cache_lifetimes(rollout: RolloutSettings, settings: Settings) -> CacheLifetimes:
    """The times for which answers are cached.

    What is to be asked again after a time is not cached for longer.
    """
    from goodhoster.adapters.hash_sources.caching import CacheLifetimes

    again = settings.agent.ask_again_after
    return CacheLifetimes(rollout.remember_yes, min(rollout.remember_no, again) if again else rollout.remember_no)


def _with_rollout(source: ObservedSource, rollout: RolloutSettings, record: Record) -> ObservedSource:
    """The source, as far as it is trusted yet."""
    from goodhoster.adapters.hash_sources.rollout import RolledOut, Shadowed

    shadowed = Shadowed(source, record) if rollout.shadow else source
    return RolledOut(shadowed, rollout.percent) if rollout.percent < _ALL else shadowed


def check_hash_sources(settings: Settings) -> None:
    """Make every source as a process would, with its secrets.

    ConfigurationError when one cannot be made.
    """
    for source in hash_sources(settings):
        source.close()


def relay_sources(settings: Settings) -> tuple[HashSource, ...]:
    """The sources of the compatible hash service.

    What an upstream answered is remembered for a while; what was not asked, or failed in shadow, is no answer. The
    cache is not shared with the checking of files: how soon an answer comes would tell customers what is on this
    host.

    The service is asked by digests, so sources that take fingerprints only are left out: their kinds say so by a
    `takes_digests` that is false.
    """
    from goodhoster.assembly.state import make_state_dir

    directory = make_state_dir(settings.state_dir) / "hashservice"
    directory.mkdir(mode=0o700, exist_ok=True)
    read = [(kind, rollout) for kind, rollout in _read(settings) if getattr(kind, "takes_digests", True)]
    return _build(settings, read, opened_lists(settings), directory / "answers")


def hash_source_kinds() -> Mapping[str, Any]:
    """The installed kinds of hash source by name.

    Each is a settings class with `build(surroundings)`.
    """
    from goodhoster.settings import installed_kinds

    return installed_kinds(_GROUP)


def source_shares(sources: Sequence[HashSource], settings: Settings) -> dict[str, int]:
    """Share of all contents, in percent, that each source has a say about, by its name.

    0 in shadow.
    """
    rollouts = [plugged.common for plugged in settings.hash_sources]
    return {
        source.name: 0 if rollout.shadow else rollout.percent for source, rollout in zip(sources, rollouts, strict=True)
    }


def source_names(settings: Settings) -> list[str]:
    """The name of each source. None is made, so that no secret is needed."""
    from goodhoster.settings import read_plugged

    kinds = hash_source_kinds()
    return [getattr(read_plugged(table, kinds), "name", table.kind) for table in settings.hash_sources]


def owner_addresses(settings: Settings) -> dict[str, str]:
    """The owner's address of each source, by its name and by the names of its lists.

    Empty where none is set.
    """
    from goodhoster.settings import read_plugged

    kinds = hash_source_kinds()
    found: dict[str, str] = {}
    for table in settings.hash_sources:
        source = read_plugged(table, kinds)
        found[getattr(source, "name", table.kind)] = table.common.owner or ""
        found |= {name: address for name, _, address in (one.partition("=") for one in getattr(source, "owners", ()))}
    return found
