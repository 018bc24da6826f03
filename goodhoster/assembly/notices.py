"""What handles notices: who is believed, where URLs live, what is done."""

from __future__ import annotations

import itertools
from contextlib import ExitStack, closing
from functools import partial

from goodhoster.adapters.resolvers.nameservers import DnsKeyRecords
from goodhoster.adapters.stores.seenmails import SqliteSeenMails
from goodhoster.assembly.desk import House, check_soon
from goodhoster.assembly.noticehouse import NoticeHouse, Shared, notice_house
from goodhoster.assembly.state import make_state_dir, trees_of
from goodhoster.errors import ConfigurationError
from goodhoster.model.notices import Forwarder, Notifier
from goodhoster.notices.copies import Copies
from goodhoster.notices.ground import Ground
from goodhoster.notices.judgement import Court
from goodhoster.notices.locate import Locator
from goodhoster.notices.maps import Maps
from goodhoster.notices.networks import Networks, read_networks
from goodhoster.notices.packets import has_strong_key
from goodhoster.notices.provingroom import ProvingRoom
from goodhoster.notices.serving import Serving
from goodhoster.notices.trust import Trust
from goodhoster.ports import Directory
from goodhoster.programs import Run, run_here
from goodhoster.settings import Settings, installed_kinds, read_plugged
from goodhoster.uploads.contents import IndexedContents
from goodhoster.uploads.index import Priority, UploadIndex


def notifiers(settings: Settings) -> tuple[Notifier, ...]:
    """Every [[notifier]] with its keys and token; ConfigurationError when two have one id."""
    found = tuple(written.profile() for written in settings.notifiers)
    twice = [one.id for one, other in itertools.combinations(found, 2) if one.id == other.id]
    if twice:
        raise ConfigurationError(f"two notifiers are called {twice[0]}", hint="give each [[notifier]] its own id")
    for notifier in found:
        _expect_strong_key(notifier)
    return found


def _expect_strong_key(notifier: Notifier) -> None:
    """Keys that no mail could ever be believed for are told now, not when the first mail waits."""
    if notifier.openpgp_keys and not has_strong_key(notifier.openpgp_keys):
        raise ConfigurationError(
            f"the OpenPGP keys of {notifier.id} hold none that is strong",
            hint="ask for a key with RSA of 2048 bits or more, ECDSA or EdDSA (gpg --show-keys FILE)",
        )


def forwarders(settings: Settings) -> tuple[Forwarder, ...]:
    """Every [[forwarder]] with its keys."""
    return tuple(written.forwarder() for written in settings.forwarders)


def trust(settings: Settings, begun: ExitStack) -> Trust:
    """Who is believed. What it holds is given back by `begun`."""
    seen = begun.enter_context(closing(SqliteSeenMails(make_state_dir(settings.state_dir) / "seen.sqlite")))
    registered = notifiers(settings)
    proving = begun.enter_context(closing(ProvingRoom(registered)))
    authserv_id = settings.notices.authserv_id or ""
    return Trust(Court(registered, DnsKeyRecords(), seen, authserv_id, forwarders(settings), proving))


def locator(settings: Settings, index: UploadIndex, run: Run = run_here) -> Locator:
    """Where URLs live. The index is asked for copies."""
    ground = Ground(trees_of(settings))
    maps = Maps(directories(settings, run))
    copies = Copies(ground, IndexedContents(index.database))
    return Locator(maps, Serving(ground), copies, settings.notices.own_networks, known_networks(settings))


def known_networks(settings: Settings) -> Networks:
    """Whose the addresses of others are; ConfigurationError when the file is not as it must be."""
    file = settings.notices.network_owners
    return read_networks(file) if file else Networks()


def directories(settings: Settings, run: Run = run_here) -> list[Directory]:
    """Every [[directory]]; a program that one asks is run by `run`."""
    kinds = installed_kinds("goodhoster.directories")
    return [read_plugged(plugged, kinds).build(run) for plugged in settings.directories]


def open_notices(house: House) -> NoticeHouse:
    """What handles notices, given back with the house."""
    settings = house.settings
    where = locator(settings, house.index, house.run)
    # What a notice points at is checked first.
    hurry, who = partial(check_soon, house.index, Priority.ORDERED), trust(settings, house.begun)
    shared = Shared(settings, house.toolkit, who, where, hurry, notifiers(settings), house.run)
    return notice_house(shared, house.begun)


def directory_commands(settings: Settings) -> list[tuple[str, ...]]:
    """The programs that a [[directory]] runs: whatever its kind has as its setting `command`."""
    kinds = installed_kinds("goodhoster.directories")
    read = (read_plugged(plugged, kinds) for plugged in settings.directories)
    return [tuple(command) for kind in read if (command := getattr(kind, "command", ()))]
