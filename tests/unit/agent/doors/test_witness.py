"""The witness by HTTP, and our side that asks it, over a real socket."""

import asyncio
import hashlib
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from goodhoster.adapters.anchors.witness import HttpWitness
from goodhoster.audit.anchoring import Anchors, anchor
from goodhoster.audit.checkpoints import Checkpoints
from goodhoster.audit.log import FileAuditLog
from goodhoster.audit.verify import CONSISTENCY, Policy, Proof, SignedNote
from goodhoster.audit.witness import Witness
from goodhoster.errors import ConfigurationError, PassingError, RefusedError
from goodhoster.model.audit import AuditEvent
from goodhoster_agent.doors.http_server import ListenAddress, listen_until
from goodhoster_agent.doors.witness import WitnessDoor

ORIGIN = "log.example/one"


@dataclass
class Served:
    """A log, its witness, and where that listens."""

    checkpoints: Checkpoints
    witness: Witness
    url: str

    def fill(self) -> SignedNote:
        self.checkpoints.log.append(AuditEvent("made.up"))
        return self.checkpoints.issue(ORIGIN)

    def post(self, body: bytes, path: str = "/add-checkpoint") -> tuple[int, bytes]:
        try:
            with urllib.request.urlopen(self.url + path, body, timeout=60) as answer:  # noqa: S310 - our own server
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    checkpoints = Checkpoints(FileAuditLog(tmp_path / "audit.log"), tmp_path, lambda: datetime.now(UTC))
    checkpoints.issue(ORIGIN)
    witness = Witness("w.example", checkpoints.policy().logs, tmp_path / "w", lambda: datetime.now(UTC))
    loop, ready, stop = asyncio.new_event_loop(), threading.Event(), asyncio.Event()
    urls: list[str] = []

    def on_ready(url: str) -> None:
        urls.append(url)
        ready.set()

    serving = listen_until(stop, WitnessDoor(witness).answer, ListenAddress("127.0.0.1", 0, ""), on_ready)
    thread = threading.Thread(target=lambda: loop.run_until_complete(serving))
    thread.start()
    assert ready.wait(60)
    yield Served(checkpoints, witness, urls[0])
    loop.call_soon_threadsafe(stop.set)
    thread.join()
    loop.close()


def test_a_log_is_cosigned_over_http_and_its_checkpoint_served(served: Served) -> None:
    policy = Policy.read(f"witness w {served.witness.keys[0].vkey} {served.url}\nquorum w\n".encode())
    asked = Anchors(policy, {served.witness.keys[0]: HttpWitness(served.url + "/")})
    done = anchor(served.checkpoints, served.fill(), asked)
    for _ in range(2):
        assert (done.alarms, done.troubles) == ((), ())
        done = anchor(served.checkpoints, served.fill(), asked)
    path = f"{served.url}/{hashlib.sha256(ORIGIN.encode()).hexdigest()}/checkpoint"
    with urllib.request.urlopen(path, timeout=60) as answer:  # noqa: S310 - our own server
        assert SignedNote.read(answer.read()).text == done.note.text


def test_refusals_keep_their_words(served: Served) -> None:
    asked = HttpWitness(served.url)
    note = served.fill()
    assert isinstance(asked.add_checkpoint(Proof(0, (), note).write(head=CONSISTENCY)), bytes)
    assert asked.add_checkpoint(Proof(0, (), note).write(head=CONSISTENCY)) == 1
    with pytest.raises(RefusedError, match="answers 400: 'not a proof'"):
        asked.add_checkpoint(b"nonsense")


def test_other_requests_have_an_answer(served: Served) -> None:
    assert served.post(b"x" * (300 << 10))[0] == 400
    assert served.post(b"x", "/elsewhere")[0] == 404
    for path, status in {
        "/add-checkpoint": 405,
        "/": 404,
        "/../../etc/passwd/checkpoint": 404,
        "/%00/checkpoint": 404,
    }.items():
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(served.url + path, timeout=60)  # noqa: S310 - our own server
        caught.value.close()
        assert caught.value.code == status


def test_a_witness_that_cannot_remember_says_so_and_cosigns_nothing(served: Served, tmp_path: Path) -> None:
    note = served.fill()
    request = Proof(0, (), note).write(head=CONSISTENCY)
    assert served.post(request)[0] == 200
    (kept,) = (tmp_path / "w").glob("*.checkpoint")
    kept.write_bytes(b"half")
    assert served.post(request)[0] == 503
    with pytest.raises(PassingError, match="answers 503"):
        HttpWitness(served.url).add_checkpoint(request)


def test_nobody_there_may_be_asked_again() -> None:
    with pytest.raises(PassingError, match="cannot be asked"):
        HttpWitness("http://127.0.0.1:1").add_checkpoint(b"")


def test_an_address_that_is_taken_is_named(served: Served) -> None:
    port = int(served.url.rpartition(":")[2])

    async def serve() -> None:
        await listen_until(
            asyncio.Event(), WitnessDoor(served.witness).answer, ListenAddress("127.0.0.1", port, "try"), print
        )

    with pytest.raises(ConfigurationError, match="cannot listen on 127"):
        asyncio.run(serve())
