"""A stand-in for a hasher-matcher-actioner, over real sockets.

With its answers of today and of before 2025. It finds by PDQ within 31 bits, as the real one does; the entries are made
up.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from goodhoster.testing.http_answers import CannedResponse, reply
from goodhoster.testing.http_server import FakeServer, ReceivedRequest

_WITHIN = 31


class FakeHma(FakeServer):
    """A fake hasher-matcher-actioner with banks of hashes.

    `banks` has the hashes of each bank by signal type and value, and may be changed at any time.
    """

    def __init__(self, banks: Mapping[str, Mapping[str, list[bytes]]], *, older: bool = False) -> None:
        super().__init__()
        self.banks = banks
        self._older = older

    def _true_answer(self, request: ReceivedRequest) -> CannedResponse:
        parts = urlsplit(request.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if request.method != "GET" or parts.path not in {"/m/lookup", "/m/raw_lookup"}:
            return self._error(404, "Not Found")
        if query.get("signal_type") not in {"pdq", "video_md5"}:
            return self._error(400, f"No such SignalType '{query.get('signal_type')}'")
        found = self._found(query["signal_type"], bytes.fromhex(query["signal"]))
        raw = parts.path == "/m/raw_lookup"
        return self._json(self._raw(found, query.get("include_distance")) if raw else self._by_bank(found))

    def _found(self, signal_type: str, asked: bytes) -> list[tuple[str, int, str]]:
        """The matches: bank, id and distance in print."""
        found = []
        for number, (bank, value) in enumerate(
            (bank, value) for bank, lists in self.banks.items() for value in lists.get(signal_type, [])
        ):
            apart = (int.from_bytes(value) ^ int.from_bytes(asked)).bit_count()
            if signal_type == "pdq" and apart <= _WITHIN:
                found.append((bank, number, str(apart)))
            elif apart == 0:
                found.append((bank, number, "-"))
        return found

    def _entry(self, number: int, distance: str) -> dict[str, Any]:
        return {"content_id" if self._older else "bank_content_id": number, "distance": distance}

    def _raw(self, found: list[tuple[str, int, str]], distances: str | None) -> Any:  # noqa: ANN401 - JSON
        matches = [self._entry(number, distance) if distances else number for _, number, distance in found]
        return {"matches": matches}

    def _by_bank(self, found: list[tuple[str, int, str]]) -> Any:  # noqa: ANN401 - JSON
        banks: dict[str, list[dict[str, Any]]] = {}
        for bank, number, distance in found:
            banks.setdefault(bank, []).append(self._entry(number, distance))
        return list(banks) if self._older else banks

    @staticmethod
    def _json(value: Any) -> CannedResponse:  # noqa: ANN401 - JSON
        return reply(200, json.dumps(value).encode(), {"Content-Type": "application/json"})

    @staticmethod
    def _error(status: int, message: str) -> CannedResponse:
        return reply(status, json.dumps({"message": message}).encode(), {"Content-Type": "application/json"})
