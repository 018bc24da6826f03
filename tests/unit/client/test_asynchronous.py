"""The client for asyncio: the same answers, the same deadline, pooled connections."""

import asyncio
import socket
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest

from goodhoster.client import Answer, Upload
from goodhoster.client.asynchronous import AsyncClient
from tests.httppeer import KNOWN, ODD, dripping, peer, response, saying

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


async def ask(address: str, seconds: float = 60.0) -> Answer:
    async with AsyncClient(address, token="s3cret", timeout=seconds) as client:
        return await client.check_bytes(b"content", Upload(customer="anna"))


# Without a length httpx reads to the end of the connection: complete, so it counts.
@pytest.mark.parametrize("raw", [pytest.param(raw, id=name) for name, raw in ODD.items() if name != "no length"])
def test_an_odd_answer_is_unchecked(tmp_path: Path, raw: bytes) -> None:
    with peer(tmp_path, saying(raw)) as address:
        answer = run(ask(address))
    assert (answer.verdict, answer.decision) == ("unchecked", "unchecked")
    assert answer.reason in {"odd-answer", "absent"}


def test_a_refusal_is_passed_on(tmp_path: Path) -> None:
    seen: list[bytes] = []
    with peer(tmp_path, saying(response(KNOWN), seen)) as address:
        assert run(ask(address)) == Answer("known", "refuse", "A1")
    assert b"authorization: bearer s3cret" in seen[0].lower()
    assert seen[0].startswith(b"POST /v1/check?customer=anna HTTP/1.1")


def test_an_absent_service_is_unchecked(tmp_path: Path) -> None:
    assert run(ask(f"unix:{tmp_path}/nobody.sock")).reason == "absent"


def test_one_deadline_however_slowly_the_answer_drips(tmp_path: Path) -> None:
    with peer(tmp_path, dripping) as address:
        begun = time.monotonic()
        answer = run(ask(address, 0.4))
        took = time.monotonic() - begun
    assert (answer.verdict, answer.reason) == ("unchecked", "timeout")
    assert took < 5, "the whole answer would take more than six seconds"


def test_connections_are_used_again(tmp_path: Path) -> None:
    connections = []

    def serve(connected: socket.socket) -> None:
        connections.append(connected)
        while connected.recv(65536):
            connected.sendall(response({"ready": True}))

    async def ask_three_times(address: str) -> list[bool | None]:
        async with AsyncClient(address) as client:
            return [(await client.health()).ready for _ in range(3)]

    with peer(tmp_path, serve) as address:
        assert run(ask_three_times(address)) == [True] * 3
    assert len(connections) == 1


def test_the_other_calls_have_no_answer_when_nobody_is_there(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"content")

    async def ask_all() -> list[object]:
        async with AsyncClient(f"unix:{tmp_path}/nobody.sock") as client:
            return [
                (await client.check_path(tmp_path / "a.jpg")).reason,
                (await client.may("anna", "upload")).allowed,
                (await client.health()).ready,
                (await client.report_outcome("A1", "refused")).recorded,
                (await client.report_outcome(None, "refused")).recorded,
            ]

    assert run(ask_all()) == ["absent", None, None, False, False]
