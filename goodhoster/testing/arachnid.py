"""A stand-in for Arachnid Shield's look-up by PDQ, over real sockets.

The entries are made up.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from goodhoster.testing.http_answers import CannedResponse, reply
from goodhoster.testing.http_server import FakeServer, ReceivedRequest

_WITHIN = 31
_JSON = {"Content-Type": "application/json"}
_UNAUTHORIZED = "Please supply your API username and password in the Authorization header"


class FakeArachnidShield(FakeServer):
    """A fake Arachnid Shield; `known` has classifications by PDQ.

    It may be changed at any time.
    """

    def __init__(self, known: Mapping[bytes, str]) -> None:
        super().__init__()
        self.known = known

    def _true_answer(self, request: ReceivedRequest) -> CannedResponse:
        if not self._is_from_our_account(request):
            return reply(401, json.dumps({"detail": _UNAUTHORIZED}).encode(), _JSON)
        if (request.method, request.path) != ("POST", "/v1/pdq/"):
            return reply(404, json.dumps({"detail": "Not Found"}).encode(), _JSON)
        scanned = {text: self._entry(b64decode(text, validate=True)) for text in json.loads(request.body)["hashes"]}
        return reply(200, json.dumps({"scanned_hashes": scanned}).encode(), _JSON)

    def _entry(self, asked: bytes) -> dict[str, Any]:
        for value, classification in self.known.items():
            if (int.from_bytes(value) ^ int.from_bytes(asked)).bit_count() <= _WITHIN:
                details = {"timestamp": 0.0, "sha1_base32": "A" * 32, "sha256_hex": "0" * 64}
                return {
                    "classification": classification,
                    "match_type": "near",
                    "near_match_details": details | {"classification": classification},
                }
        return {"classification": "no-known-match", "match_type": None, "near_match_details": None}
