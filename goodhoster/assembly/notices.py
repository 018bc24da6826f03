"""Settings of notices as parts: notifiers, directories, networks, mail server."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from goodhoster.errors import ConfigurationError
from goodhoster.linux.programs import run_here

if TYPE_CHECKING:
    from goodhoster.adapters.url_blocks.include_files import BlockAnswer
    from goodhoster.linux.programs import Run
    from goodhoster.locating.locator import Locator
    from goodhoster.locating.networks import Networks
    from goodhoster.model.notices import Forwarder, Notifier
    from goodhoster.ports import CustomerStore, Directory, Mailer
    from goodhoster.settings import Settings
    from goodhoster.uploads.docroots import Docroots
    from goodhoster.uploads.index import UploadIndex

_LARGEST_PAGE = 64 << 10
"""Bytes of a page for visitors: with Apache it is a line of the configuration."""


def notifiers(settings: Settings) -> tuple[Notifier, ...]:
    """Every [[notifier]] with its keys and token; ConfigurationError when two have one id."""
    from goodhoster.settings.all_errors import gathered

    profiles: list[Notifier] = []
    with gathered() as errors:
        for written in settings.notifiers:
            with errors.step():
                profiles.append(written.profile())
    found = tuple(profiles)
    twice = [one.id for one, other in itertools.combinations(found, 2) if one.id == other.id]
    if twice:
        raise ConfigurationError(f"two notifiers are called {twice[0]}", hint="give each [[notifier]] its own id")
    with gathered() as errors:
        for notifier in found:
            with errors.step():
                _expect_strong_key(notifier)
    return found


def _expect_strong_key(notifier: Notifier) -> None:
    """Reject keys too weak for any mail to be trusted, at start and not at the first mail."""
    from goodhoster.notices.sender.pinned_keys.openpgp_packets import has_strong_key

    if notifier.openpgp_keys and not has_strong_key(notifier.openpgp_keys):
        raise ConfigurationError(
            f"the OpenPGP keys of {notifier.id} hold none that is strong",
            hint="ask for a key with RSA of 2048 bits or more, ECDSA or EdDSA (gpg --show-keys FILE)",
        )


def forwarders(settings: Settings) -> tuple[Forwarder, ...]:
    """Every [[forwarder]] with its keys."""
    return tuple(written.forwarder() for written in settings.forwarders)


def locator(
    settings: Settings, index: UploadIndex, run: Run = run_here, owner_of: Callable[[bytes], str] | None = None
) -> Locator:
    """The locator of URLs. The index is asked for copies, `owner_of` as by `trees_of`."""
    from goodhoster.assembly.state import trees_of
    from goodhoster.locating.copies import Copies
    from goodhoster.locating.locator import Locator
    from goodhoster.locating.serving import Serving
    from goodhoster.locating.site_map_cache import SiteMapCache
    from goodhoster.locating.tree_resolver import TreeResolver
    from goodhoster.uploads.content_lookup import IndexedContents

    resolver = TreeResolver(trees_of(settings, owner_of=owner_of))
    site_maps = SiteMapCache(directories(settings, run))
    copies = Copies(resolver, IndexedContents(index.database))
    return Locator(site_maps, Serving(resolver), copies, settings.notices.own_networks, known_networks(settings))


def block_answer(settings: Settings) -> BlockAnswer:
    """What visitors see at a blocked address.

    ConfigurationError when the page of [block] cannot be shown.
    """
    from goodhoster.adapters.url_blocks.include_files import NOT_FOUND, BlockAnswer

    block = settings.block
    if block is None or block.page is None:
        return BlockAnswer(int(block.answer)) if block else BlockAnswer()
    where = f"{settings.file} [block] page {block.page}"
    if int(block.answer) == NOT_FOUND:
        raise ConfigurationError(f"{where} is shown with status 451 only", hint='remove it, or set answer = "451"')
    try:
        page = block.page.read_bytes()
        text = page.decode("utf-8")
    except OSError as error:
        raise ConfigurationError(f"{where} cannot be read: {error.strerror}", hint="does the file exist?") from error
    except ValueError as error:
        raise ConfigurationError(f"{where} is not UTF-8", hint="save it in UTF-8") from error
    if not text.strip() or len(page) > _LARGEST_PAGE or "\0" in text:
        raise ConfigurationError(
            f"{where} is empty, or larger than 64 KiB", hint="a short page that needs no other file"
        )
    return BlockAnswer(page=text)


def known_networks(settings: Settings) -> Networks:
    """The owners of others' addresses; ConfigurationError when the file is not valid."""
    from goodhoster.locating.networks import Networks, read_networks

    file = settings.notices.network_owners
    return read_networks(file) if file else Networks()


def directories(settings: Settings, run: Run = run_here) -> list[Directory]:
    """Every [[directory]]; a program that one asks is run by `run`."""
    from goodhoster.adapters.directories.customer_register import RegisterDirectory
    from goodhoster.assembly import customer_services
    from goodhoster.settings import installed_kinds, read_plugged

    kinds = installed_kinds("goodhoster.directories")
    built = [read_plugged(plugged, kinds).build(run) for plugged in settings.directories]
    for directory in built:
        if isinstance(directory, RegisterDirectory):
            directory.open_register = partial(_register, settings.state_dir / customer_services.FILE)
    return built


@contextmanager
def _register(file: Path) -> Iterator[CustomerStore]:
    """The register, open; ConfigurationError where there is none, and none is made."""
    from goodhoster.adapters.stores.customers.database import customers_file
    from goodhoster.adapters.stores.customers.register import SqliteCustomerStore

    if not file.exists():
        raise ConfigurationError(f"there is no register of customers {file}", hint="goodhoster customers import FILE")
    with closing(customers_file(file)) as record:
        yield SqliteCustomerStore(record)


def docroots(settings: Settings, run: Run = run_here) -> Docroots:
    """The document roots that the [[directory]] sources report; the usual names without any."""
    from goodhoster.uploads.docroots import BY_NAME, Docroots

    return Docroots(lambda: _docroots(directories(settings, run))) if settings.directories else BY_NAME


def _docroots(sources: Iterable[Directory]) -> Iterator[bytes]:
    for source in sources:
        for site in source.sites():
            yield from (route.directory for route in site.routes if route.directory)


def mailer_of(settings: Settings) -> Mailer | None:
    """The mailer that hands letters to the mail server.

    ConfigurationError when its password cannot be read.
    """
    smtp = settings.smtp
    if smtp is None:
        return None
    from goodhoster.adapters.mailers.smtp import SmartHost, SmtpMailer
    from goodhoster.ports.common import utc_now
    from goodhoster.settings import read_secret

    password = read_secret(smtp.password_file, "password of the mail server") if smtp.password_file else ""
    name = settings.notices.hoster
    server = SmartHost(smtp.host, smtp.port, smtp.sender, name, smtp.security, smtp.username or "", password)
    return SmtpMailer(server, utc_now)


def directory_commands(settings: Settings) -> list[tuple[str, ...]]:
    """The programs that a [[directory]] runs: whatever its kind has as its setting `command`."""
    from goodhoster.settings import installed_kinds, read_plugged

    kinds = installed_kinds("goodhoster.directories")
    read = (read_plugged(plugged, kinds) for plugged in settings.directories)
    return [tuple(command) for kind in read if (command := getattr(kind, "command", ()))]
