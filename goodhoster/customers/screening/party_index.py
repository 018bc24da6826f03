"""Our customers, to be asked which of them an entry of a list resembles, and in what."""

from __future__ import annotations

import ipaddress
import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from anyascii import anyascii
from rapidfuzz import fuzz

from goodhoster.customers.screening.name_index import NameIndex, WordCounts
from goodhoster.model.customers.screening import Agreement, FieldComparison, Party

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_NOTHING: frozenset[int] = frozenset()
_ADDRESS_FROM = 85  # a score of 100 for the words of two addresses with the same numbers
_FEWEST = 5  # letters of an identifier
_MOST_LABELS = 20


class PartyIndex:
    """An index of parties by every field."""

    def __init__(self, parties: Sequence[Party], counts: WordCounts) -> None:
        self.parties = parties
        self._names = NameIndex(parties, counts)
        self._exact = {name: _by_value(parties, partial(_normal_values, name)) for name in _NORMAL}
        self._hosts = _by_value(parties, _hosts_and_parents)
        self._wildcards = _by_value(parties, lambda party: (d[2:] for d in party.domains if d.startswith("*.")))
        self._addresses = _by_value(parties, lambda party: map(_numbers, party.addresses))
        self._networks = _Networks(parties)

    def resembling(self, entry: Party) -> Iterator[tuple[Party, tuple[FieldComparison, ...]]]:
        """Each party that the entry resembles, with every field that both have something of."""
        found: dict[int, list[FieldComparison]] = defaultdict(list)
        for match in self._names.matches(entry):
            found[match.party].append(FieldComparison("name", match.listed, match.ours, Agreement.SAME, match.score))
        for number, comparison in self._by_field(entry):
            if comparison not in found[number]:
                found[number].append(comparison)
        for number in sorted(found):
            party = self.parties[number]
            yield party, (*found[number], *_beside(entry, party, found[number]))

    def _by_field(self, entry: Party) -> Iterator[tuple[int, FieldComparison]]:
        for name, normal in _NORMAL.items():
            for value in getattr(entry, name):
                key = normal(value)
                for number in self._exact[name].get(key, _NOTHING):
                    ours = next(each for each in getattr(self.parties[number], name) if normal(each) == key)
                    yield number, FieldComparison(_WORDS[name], value, ours, Agreement.SAME)
        for domain in entry.domains:
            for number in self._hosts.get(domain, _NOTHING):
                ours = next(h for h in self.parties[number].domains if _is_below(h.removeprefix("*."), domain))
                yield number, FieldComparison("domain", domain, ours, Agreement.SAME)
            for parent in _parents(domain):
                for number in self._wildcards.get(parent, _NOTHING):
                    yield number, FieldComparison("domain", domain, f"*.{parent}", Agreement.SAME)
        for written in entry.networks:
            for number, ours in self._networks.overlapping(ipaddress.ip_network(written)):
                yield number, FieldComparison("network", written, ours, Agreement.SAME)
        yield from self._by_address(entry)

    def _by_address(self, entry: Party) -> Iterator[tuple[int, FieldComparison]]:
        for address in entry.addresses:
            numbers = _numbers(address)
            for number in self._addresses.get(numbers, _NOTHING) if numbers else ():
                for ours in self.parties[number].addresses:
                    score = round(fuzz.token_sort_ratio(_plain(address), _plain(ours)))
                    if _numbers(ours) == numbers and score >= _ADDRESS_FROM:
                        yield number, FieldComparison("address", address, ours, Agreement.SAME, score)


def _beside(entry: Party, party: Party, found: Iterable[FieldComparison]) -> Iterator[FieldComparison]:
    """The fields that say for or against it: country, date of birth, number, kind."""
    said = {each.field for each in found}
    for name, word in (("countries", "country"), ("birth_dates", "birth date"), ("identifiers", "identifier")):
        listed, ours = getattr(entry, name), getattr(party, name)
        if word in said or not (listed or ours):
            continue
        agreement = Agreement.UNKNOWN
        if listed and ours:
            same = {each.lower() for each in listed} & {each.lower() for each in ours}
            agreement = Agreement.SAME if same else Agreement.DIFFERENT
        if name == "identifiers" and agreement is Agreement.DIFFERENT:
            agreement = Agreement.UNKNOWN  # somebody may have many numbers: another one says nothing
        yield FieldComparison(word, "; ".join(listed), "; ".join(ours), agreement, 0)
    if entry.kind and party.kind:
        same_kind = Agreement.SAME if entry.kind == party.kind else Agreement.DIFFERENT
        yield FieldComparison("kind", entry.kind, party.kind, same_kind, 0)


class _Networks:
    """The networks of parties, to be asked for those that overlap with one."""

    def __init__(self, parties: Sequence[Party]) -> None:
        self._exact: dict[tuple[int, int, int], set[tuple[int, str]]] = defaultdict(set)
        for number, party in enumerate(parties):
            for written in party.networks:
                try:
                    network = ipaddress.ip_network(written, strict=False)
                except ValueError:
                    continue
                key = (network.version, network.prefixlen, int(network.network_address))
                self._exact[key].add((number, str(network)))
        self._lengths = sorted({key[:2] for key in self._exact})
        self._starts = sorted((version, start, length) for version, length, start in self._exact)

    def overlapping(self, network: Network) -> Iterator[tuple[int, str]]:
        start, bits = int(network.network_address), network.max_prefixlen
        for version, length in self._lengths:  # ours that contain it, or are the same
            if version == network.version and length <= network.prefixlen:
                above = start >> (bits - length) << (bits - length)
                yield from self._exact.get((version, length, above), ())
        at = bisect_left(self._starts, (network.version, start, 0))
        end = int(network.broadcast_address)
        for version, ours, length in self._starts[at:]:
            if version != network.version or ours > end:
                return
            if length > network.prefixlen:
                yield from self._exact[version, length, ours]


def _by_value(parties: Sequence[Party], values: Callable[[Party], Iterable[str]]) -> dict[str, set[int]]:
    found: dict[str, set[int]] = defaultdict(set)
    for number, party in enumerate(parties):
        for value in values(party):
            if value:
                found[value].add(number)
    return dict(found)


def _normal_values(name: str, party: Party) -> Iterator[str]:
    return map(_NORMAL[name], getattr(party, name))


def _identifier(value: str) -> str:
    plain = re.sub(r"[^A-Z0-9]", "", value.rpartition(":")[2].upper())
    return plain if len(plain) >= _FEWEST else ""


def _phone(value: str) -> str:
    digits = re.sub(r"\D", "", value.replace("(0)", ""))
    digits = digits.removeprefix("00") if digits.startswith("00") else digits
    return digits if len(digits) >= _FEWEST + 2 and not digits.startswith("0") else ""


_NORMAL: dict[str, Callable[[str], str]] = {
    "identifiers": _identifier,
    "mails": lambda value: value.strip().lower(),
    "phones": _phone,
    "asns": str.strip,
}
_WORDS = {"identifiers": "identifier", "mails": "mail", "phones": "phone", "asns": "AS number"}


def _hosts_and_parents(party: Party) -> Iterator[str]:
    for domain in party.domains:
        host = domain.removeprefix("*.")
        yield host
        yield from _parents(host)


def _parents(host: str) -> Iterator[str]:
    labels = host.split(".")[-_MOST_LABELS:]
    for start in range(1, len(labels) - 1):
        yield ".".join(labels[start:])


def _is_below(host: str, domain: str) -> bool:
    return host == domain or host.endswith("." + domain)


def _plain(address: str) -> str:
    return " ".join(re.findall(r"[a-z0-9]+", anyascii(address).lower()))


def _numbers(address: str) -> str:
    return " ".join(sorted(re.findall(r"\d+", _plain(address))))
