"""Arachnid Shield of the Canadian Centre for Child Protection, asked by PDQ.

No picture leaves the machine.

`POST {url}/v1/pdq/` with HTTP Basic and `{"hashes": ["<base64>", …]}`; the answer has an entry for each of them
(repositories `CdnCentreForChildProtection/arachnid-shield-sdk-rust`, src/data_structures.rs, and `-python`):

    {"scanned_hashes": {"<base64>": {"classification": "no-known-match", "match_type": null, …}, …}}

An entry may be null: no match. "More classification types may be added": one that we do not know is a match all the
same, of unspecified category. It reports no distance.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from goodhoster.adapters.hash_sources.client import Counterpart, HashServiceClient, HashServiceRequest
from goodhoster.adapters.hash_sources.json_answers import MAX_BYTES, odd, read_json
from goodhoster.adapters.hash_sources.nearest import NearestEntry, nearest
from goodhoster.adapters.hash_sources.reasons import Reason
from goodhoster.errors import NotAskedError, NothingToCompareError, UncheckedError
from goodhoster.model.fingerprints import FingerprintKind
from goodhoster.model.sources import Question
from goodhoster.model.verdicts import Category, Match

_NO_MATCH = "no-known-match"
_CATEGORIES: Mapping[str, Category] = {"csam": Category.ILLEGAL, "harmful-abusive-material": Category.OTHER}
"""Harmful-abusive material is what surrounds the abuse and need not be illegal: a person looks."""


class ArachnidShield:
    """HashSource over the network.

    All fingerprints of a picture, those of its other orientations too, go in one request.
    """

    local = False

    def __init__(self, counterpart: Counterpart) -> None:
        self.name = counterpart.name
        self._client = HashServiceClient(counterpart)

    def look_up(self, question: Question) -> tuple[Match, ...]:
        """Ask by every PDQ; about a picture too flat for one it has no say."""
        if question.fingerprints is None:
            raise UncheckedError(f"{self.name} is asked by PDQ fingerprints only", reason=Reason.NOT_ASKABLE)
        if not question.fingerprints:
            message = f"{self.name} is asked by PDQ fingerprints only, and there are none of a video"
            raise NothingToCompareError(message, reason=Reason.NOT_ASKABLE)
        values = [value for fingerprint in question.matchable(FingerprintKind.PDQ) for value in fingerprint.values]
        if not values and question.whole:
            raise NotAskedError(
                f"the picture is too flat for {self.name}, which is asked by PDQ", reason=Reason.TOO_FLAT
            )
        matches = self._client.run(partial(self._ask, values)) if values else ()
        if not matches and question.lacks_fingerprints:
            message = f"{self.name} is asked by PDQ fingerprints, and a part of the picture has none"
            raise UncheckedError(message, reason=Reason.NOT_ASKABLE)
        return matches

    def probe(self) -> None:
        """Ask by a hash of zeros, which no picture has."""
        self._client.run(partial(self._ask, [bytes(FingerprintKind.PDQ.width)]))

    def close(self) -> None:
        """Close the connections; questions in progress end as unavailable (`closed`)."""
        self._client.close()

    async def _ask(self, values: Sequence[bytes]) -> tuple[Match, ...]:
        hashes = [b64encode(value).decode("ascii") for value in dict.fromkeys(values)]
        body = json.dumps({"hashes": hashes}).encode("ascii")
        reply = await self._client.ask(HashServiceRequest("POST", "/v1/pdq/", MAX_BYTES, body, "application/json"))
        answer = read_json(reply, source=self.name, now=datetime.now(UTC))
        return nearest(self.name, [(FingerprintKind.PDQ, found) for found in self._found(answer, hashes)])

    def _found(self, answer: Any, hashes: Sequence[str]) -> Iterator[NearestEntry]:  # noqa: ANN401 - JSON is anything
        scanned = answer.get("scanned_hashes") if isinstance(answer, dict) else None
        if not isinstance(scanned, dict) or not scanned.keys() >= set(hashes):
            raise odd(self.name, answer)
        for asked in hashes:
            classification = self._classification(scanned[asked])
            if classification != _NO_MATCH:
                yield NearestEntry(_CATEGORIES.get(classification, Category.UNSPECIFIED), None)

    def _classification(self, entry: Any) -> str:  # noqa: ANN401 - JSON is anything
        if entry is None:
            return _NO_MATCH
        classification = entry.get("classification") if isinstance(entry, dict) else None
        if not isinstance(classification, str) or not classification:
            raise odd(self.name, entry)
        return classification
