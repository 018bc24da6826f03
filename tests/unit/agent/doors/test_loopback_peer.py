"""The account at the other end of a TCP connection within this machine."""

from __future__ import annotations

import os
import pwd
import socket

import pytest

from goodhoster_agent.doors.loopback_peer import account_of_peer

MINE = pwd.getpwuid(os.geteuid()).pw_name


@pytest.mark.parametrize(
    ("family", "listen", "connect"),
    [
        (socket.AF_INET, "127.0.0.1", (socket.AF_INET, "127.0.0.1")),
        (socket.AF_INET, "127.0.0.1", (socket.AF_INET6, "::ffff:127.0.0.1")),
        (socket.AF_INET6, "::1", (socket.AF_INET6, "::1")),
    ],
    ids=["4", "4 by a socket of 6", "6"],
)
def test_who_connected(family: int, listen: str, connect: tuple[int, str]) -> None:
    with socket.create_server((listen, 0), family=family) as server, socket.socket(connect[0]) as client:
        client.connect((connect[1], server.getsockname()[1]))
        accepted, there = server.accept()
        with accepted:
            assert account_of_peer(there[:2], accepted.getsockname()[:2]) == MINE
            client.close()  # what is closed belongs to root in the kernel's table
            assert not account_of_peer(there[:2], accepted.getsockname()[:2])


def test_another_machine_s_client_has_no_account() -> None:
    assert not account_of_peer(("192.0.2.1", 4000), ("192.0.2.2", 1344))
