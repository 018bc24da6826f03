"""A hasher-matcher-actioner (HMA) server, asked by hashes only.

See docs/how-to-hash-sources.md. `GET {url}/m/lookup?signal_type=pdq&signal=<hex>` answers with the banks that know it,
/m/raw_lookup with all entries of the index, disabled ones included (repository `facebook/ThreatExchange`,
OpenMediaMatch/blueprints/matching.py). The form of the answer has changed over the years, and every one of them is
read:

    /m/lookup      {"BANK": [{"bank_content_id": 1, "distance": "4"}, …], …}     before 2025: ["BANK", …]
    /m/raw_lookup  {"matches": [{"bank_content_id": 1, "distance": "4"}, …]}     before 2025: "content_id"
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from goodhoster.adapters.hash_sources.client import Counterpart, HashServiceClient, HashServiceRequest
from goodhoster.adapters.hash_sources.json_answers import MAX_BYTES, odd, read_json
from goodhoster.adapters.hash_sources.nearest import FARTHEST, NearestEntry, nearest
from goodhoster.adapters.hash_sources.reasons import Reason
from goodhoster.adapters.hash_sources.settings import SIGNAL_TYPES
from goodhoster.errors import NotAskedError, NothingToCompareError, UncheckedError
from goodhoster.model.digests import Algorithm
from goodhoster.model.fingerprints import FingerprintKind
from goodhoster.model.sources import Question
from goodhoster.model.verdicts import Category, Match

_DISTANCE = re.compile(r"[0-9]{1,4}", re.ASCII)
_UNTOLD = "-"  # how the service prints that a signal type has no distances


@dataclass(frozen=True, slots=True)
class HmaSettings:
    """The server to ask, and the hashes to ask by."""

    counterpart: Counterpart
    signal_types: tuple[str, ...] = ("pdq",)
    raw: bool = False
    """Ask for the entries of the index instead of the banks."""
    turned: bool = False
    """Ask by the mirrored and rotated picture too: seven more requests."""
    categories: Mapping[str, Category] = field(default_factory=dict)
    """Of banks by name; those of others are unspecified."""
    within: int = FARTHEST
    """Entries further apart are no match. The service has a limit of its own."""


@dataclass(frozen=True, slots=True)
class _Signal:
    """One hash to ask by."""

    type: str
    value: bytes
    seed: str
    """Where the service lets a bank match only a share of contents, the same content is always in or out."""


class Hma:
    """HashSource over the network."""

    local = False

    def __init__(self, settings: HmaSettings) -> None:
        self.name = settings.counterpart.name
        self._settings = settings
        self._client = HashServiceClient(settings.counterpart)
        self._path = "/m/raw_lookup" if settings.raw else "/m/lookup"

    def look_up(self, question: Question) -> tuple[Match, ...]:
        """Ask by every signal type that is set.

        About a picture too flat for a fingerprint it has no say where it is asked by nothing else.
        """
        asked = [signal for type_ in self._settings.signal_types for signal in self._signals(question, type_)]
        matches = self._client.run(partial(self._ask_all, asked)) if asked else ()
        if not asked and question.fingerprints == ():
            message = f"{self.name} is asked by fingerprints only, and there are none of a video"
            raise NothingToCompareError(message, reason=Reason.NOT_ASKABLE)
        if not asked and question.whole and question.is_flat(self._kinds()):
            raise NotAskedError(f"the picture is too flat for what {self.name} is asked by", reason=Reason.TOO_FLAT)
        if not matches and self._is_left_out(question, asked):
            raise UncheckedError(
                f"{self.name} is asked by {', '.join(self._settings.signal_types)}", reason=Reason.NOT_ASKABLE
            )
        return matches

    def probe(self) -> None:
        """Ask by a hash of zeros, which no picture has."""
        type_ = self._settings.signal_types[0]
        self._client.run(partial(self._ask_all, [_Signal(type_, bytes(SIGNAL_TYPES[type_].width), "")]))

    def close(self) -> None:
        """Close the connections; questions in progress end as unavailable (`closed`)."""
        self._client.close()

    def _signals(self, question: Question, type_: str) -> Iterator[_Signal]:
        kind = SIGNAL_TYPES[type_]
        seed = question.digests.sha256.hex()
        if isinstance(kind, Algorithm):
            if question.digests.has(kind):
                yield _Signal(type_, question.digests.of(kind).value, seed)
            return
        for fingerprint in question.matchable(kind):
            values = fingerprint.values if self._settings.turned else (fingerprint.value,)
            yield from (_Signal(type_, value, seed) for value in values)

    def _is_left_out(self, question: Question, asked: Sequence[_Signal]) -> bool:
        """Return whether a hash that the server is asked by was not taken of this content."""
        near = bool(self._kinds())
        if asked:
            return near and question.lacks_fingerprints
        return not near or question.fingerprints is None or not question.whole

    def _kinds(self) -> list[FingerprintKind]:
        kinds = (SIGNAL_TYPES[type_] for type_ in self._settings.signal_types)
        return [kind for kind in kinds if isinstance(kind, FingerprintKind)]

    async def _ask_all(self, asked: Sequence[_Signal]) -> tuple[Match, ...]:
        found = [(SIGNAL_TYPES[signal.type], one) for signal in asked for one in await self._ask(signal)]
        return nearest(self.name, found, within=self._settings.within)

    async def _ask(self, signal: _Signal) -> list[NearestEntry]:
        query = {"signal_type": signal.type, "signal": signal.value.hex()}
        query |= {"include_distance": "true"} if self._settings.raw else {"seed": signal.seed}
        reply = await self._client.ask(HashServiceRequest("GET", self._path, MAX_BYTES, query=query))
        answer = read_json(reply, source=self.name, now=datetime.now(UTC))
        return list(self._raw(answer) if self._settings.raw else self._banks(answer))

    def _raw(self, answer: Any) -> Iterator[NearestEntry]:  # noqa: ANN401 - JSON is anything
        if not isinstance(answer, dict) or not isinstance(answer.get("matches"), list):
            raise odd(self.name, answer)
        for entry in answer["matches"]:
            yield NearestEntry(Category.UNSPECIFIED, self._distance(entry))

    def _banks(self, answer: Any) -> Iterator[NearestEntry]:  # noqa: ANN401 - JSON is anything
        if isinstance(answer, list) and all(isinstance(bank, str) for bank in answer):
            answer = {bank: [{"distance": _UNTOLD}] for bank in answer}
        if not isinstance(answer, dict):
            raise odd(self.name, answer)
        for bank, entries in answer.items():
            if not isinstance(entries, list) or not entries:
                raise odd(self.name, answer)
            category = self._settings.categories.get(bank, Category.UNSPECIFIED)
            yield from (NearestEntry(category, self._distance(entry)) for entry in entries)

    def _distance(self, entry: Any) -> int | None:  # noqa: ANN401 - JSON is anything
        """The distance of an entry in bits; None where it reports none.

        It is a number, or text with one, as the service's signal types print it.
        """
        text = str(entry.get("distance", "")) if isinstance(entry, dict) else ""
        if text == _UNTOLD:
            return None
        if not _DISTANCE.fullmatch(text):
            raise odd(self.name, entry)
        return int(text)
