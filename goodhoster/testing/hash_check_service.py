"""A stand-in for the closed HashCheckService, over real sockets.

It has the true protocol, and all that goes wrong.

    with FakeHashService(known={digest}) as service:
        source = HashCheckService(ServiceSettings(service.url, service.username, service.password))
        service.behave = lambda request: http_answers.HANGS

The digests are made up; nothing here is or resembles a real list.
"""

from __future__ import annotations

from collections.abc import Iterable

from goodhoster.model.digests import Digest
from goodhoster.model.fingerprints import Fingerprint
from goodhoster.testing import http_answers
from goodhoster.testing.http_answers import CannedResponse
from goodhoster.testing.http_server import FakeServer, ReceivedRequest


class FakeHashService(FakeServer):
    """A fake HashCheckService. `known` may be changed at any time."""

    root = "/v1/check"

    def __init__(self, known: Iterable[Digest | Fingerprint] = (), *, tls: bool = False) -> None:
        super().__init__(tls=tls)
        self.known = set(known)

    def _true_answer(self, request: ReceivedRequest) -> CannedResponse:
        """The answer as the service gives it (SCART `scartHASHcheck.php` reads it so)."""
        if not self._is_from_our_account(request):
            return http_answers.REFUSALS["wrong account"]
        folder, _, algorithm = request.path.rpartition("/")
        if request.method != "POST" or folder not in {"/v1/check", "/v1/test/check"}:
            return http_answers.ODD["not found"]
        return http_answers.YES if (algorithm, request.body) in self._known_by_wire() else http_answers.NO

    def _known_by_wire(self) -> set[tuple[str, bytes]]:
        return {_by_wire(each) for each in self.known}


def _by_wire(known: Digest | Fingerprint) -> tuple[str, bytes]:
    """Look a fingerprint (photodna) up: it is known when every bit is the same.

    How the true service compares is not public.
    """
    algorithm = known.algorithm if isinstance(known, Digest) else known.kind
    return algorithm.value, known.value.hex().encode()
