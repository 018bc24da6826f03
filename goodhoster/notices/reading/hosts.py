"""The hosts that an item of a notice can lead to."""

from __future__ import annotations

from goodhoster.errors import UnclearUrlError
from goodhoster.locating.urls import read_url
from goodhoster.model.notices import ReadItem


def hosts_of(item: ReadItem) -> frozenset[str]:
    """The host of every reading of an item."""
    found: set[str] = set()
    for url in item.urls:
        try:
            found.update(address.host for address in read_url(url))
        except UnclearUrlError:
            continue
    return frozenset(found)
