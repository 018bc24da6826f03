"""Every [[hash_source]], counted and guarded."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, closing
from typing import Any

from goodhoster.adapters.hashsources.kinds import Surroundings
from goodhoster.adapters.hashsources.remembering import AnswerBook, Remembering
from goodhoster.assembly.state import lists_directory, make_state_dir
from goodhoster.audit.log import utc_now
from goodhoster.checking.listshelf import ListShelf
from goodhoster.errors import ConfigurationError
from goodhoster.ports import HashSource, ObservedSource
from goodhoster.settings import Settings, installed_kinds, read_plugged

_GROUP = "goodhoster.hash_sources"


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
