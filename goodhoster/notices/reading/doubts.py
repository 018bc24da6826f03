"""Doubts that a person must settle before one item of a notice is acted on."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator

from goodhoster.model.notices import Notifier, ReadItem, ReadNotice
from goodhoster.notices.reading.folding import comparable
from goodhoster.notices.reading.formats import free_text
from goodhoster.notices.reading.hosts import hosts_of

_MOST_HOSTS_SHOWN = 5


def doubts_about(item: ReadItem, notice: ReadNotice | None, notifier: Notifier | None) -> tuple[str, ...]:
    """The doubts of the whole notice and of the item.

    Free text needs no confirmation from a proven notifier whose profile says that it writes so.
    """
    whole = notice.doubts if notice else ()
    if notice and notifier and notifier.layout == notice.format:
        whole = tuple(doubt for doubt in whole if doubt != free_text.CONFIRM)
    return (*whole, *cues_for(notice, notifier), *item.doubts)


def cues_for(notice: ReadNotice | None, notifier: Notifier | None) -> tuple[str, ...]:
    """The cues of a notice, without the sentences that its notifier always writes."""
    usual = frozenset(map(comparable, notifier.usual_text)) if notifier else frozenset()
    cues = notice.cues if notice else ()
    return tuple(cue for cue in cues if comparable(cue.partition(": ")[2]) not in usual)


def names_without_item(
    read: ReadNotice, items: Iterable[ReadItem], ours: Callable[[Iterable[str]], frozenset[str]]
) -> tuple[str, ...]:
    """The names and addresses of ours in a notice to which none of its items leads.

    An address is everybody's who has a site on it: it only tells something where no item leads to us at all.
    """
    hosts = {host for item in items for host in hosts_of(item)}
    found = ours({name.partition("/")[0] for name in read.mentions} - {""})
    addresses = list(_addresses(read.mentions, found, hosts, ours))
    shown = {address.partition("/")[0] for address in addresses}
    names = [name for name in read.mentions if name in found and name not in shown and not _same_site(name, hosts)]
    if any(map(_is_address, names)) and ours(hosts):
        names = [name for name in names if not _is_address(name)]
    return (*names, *addresses)


def _addresses(
    mentions: Iterable[str], found: frozenset[str], hosts: set[str], ours: Callable[[Iterable[str]], frozenset[str]]
) -> Iterator[str]:
    """The addresses of ours: a path without a host is one at each host of ours that an item has."""
    alone = any(name.startswith("/") for name in mentions)
    here = sorted(ours(hosts))[:_MOST_HOSTS_SHOWN] if alone else []
    for name in mentions:
        if name.startswith("/"):
            yield from (f"{host}{name}" for host in here)
        elif "/" in name and name.partition("/")[0] in found:
            yield name


def _same_site(name: str, hosts: set[str]) -> bool:
    return name in hosts or f"www.{name}" in hosts or name.removeprefix("www.") in hosts


def _is_address(name: str) -> bool:
    try:
        return bool(ipaddress.ip_address(name))
    except ValueError:
        return False
