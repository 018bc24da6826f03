"""What the daemon takes offline is sealed; two persons export it, and Debian's `age` opens it elsewhere."""

import json
import os
import subprocess
from pathlib import Path

import pyrage
import pytest

from goodhoster.testing.drawn import jpeg
from tests.commandserver import goodhoster
from tests.journeys.host import Host, sha1_of, wait_until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="root, to be called by two persons through sudo")
ANNE, BEN = "1", "2"
"""Accounts that every Debian has: daemon and bin."""


def say(host: Host, uid: str | None, *words: str) -> subprocess.CompletedProcess[str]:
    """A command as a person types it, through sudo."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("SUDO_")}
    env |= {"SUDO_UID": uid} if uid else {}
    return goodhoster("evidence", *words, "--config", str(host.config), environment=env)


def listed(host: Host) -> list[dict[str, object]]:
    return [json.loads(line) for line in say(host, ANNE, "list", "--json").stdout.splitlines()]


@pytest.mark.debian("age")
def test_what_was_taken_is_sealed_also_after_a_kill_and_leaves_by_two_persons(host: Host, tmp_path: Path) -> None:
    identities = [pyrage.x25519.Identity.generate() for _ in range(2)]
    names = ", ".join(f'"{identity.to_public()}"' for identity in identities)
    host.configure(policy=f"[evidence]\nrecipients = [{names}]\nleave_free = {1 << 50}")
    content = jpeg(1, (64, 48))
    host.service.known |= {sha1_of(content)}
    host.start()
    file = host.upload("anna/a.jpg", content)
    assert wait_until(lambda: not file.exists())
    assert wait_until(lambda: any("not sealed: no room" in problem for problem in host.status()["degraded"]))
    host.kill()
    host.configure(policy=f"[evidence]\nrecipients = [{names}]\nleave_free = 0")
    host.start()
    assert wait_until(lambda: len(listed(host)) == 1)
    host.stop()
    assert len(host.audit("evidence.sealed")) == 1
    (evidence,) = listed(host)
    name, to = str(evidence["id"]), tmp_path / "export"

    assert "root is a shared account" in say(host, None, "export", name, "--reason", "x").stderr
    assert say(host, ANNE, "export", name, "--reason", "court order 1").returncode == 0
    alone = say(host, ANNE, "export", name, "--reason", "me", "--confirm", "--to", str(to))
    assert alone.returncode == 2
    assert "another person must confirm" in alone.stderr
    done = say(host, BEN, "export", name, "--reason", "seen", "--confirm", "--to", str(to))
    assert done.returncode == 0, done.stderr
    for number, identity in enumerate(identities):
        key = tmp_path / f"key-{number}"
        key.write_text(f"{identity}\n")
        opened = subprocess.run(["age", "-d", "-i", key, to / f"{name}.age"], capture_output=True, check=True)
        assert opened.stdout == content
    assert (to / "audit-log").is_dir()
    assert [entry["actor"] for entry in host.audit("evidence.exported")] == ["bin"]


def test_in_mode_observe_nothing_is_sealed(host: Host) -> None:
    identities = [pyrage.x25519.Identity.generate() for _ in range(2)]
    names = ", ".join(f'"{identity.to_public()}"' for identity in identities)
    host.configure(mode="observe", policy=f"[evidence]\nrecipients = [{names}]\nleave_free = 0")
    content = jpeg(1, (64, 48))
    host.service.known |= {sha1_of(content)}
    host.upload("anna/a.jpg", content)
    host.start()
    assert wait_until(lambda: [case["state"] for case in host.cases()] == ["observed"])
    host.stop()
    assert listed(host) == []
    assert host.audit("evidence.sealed") == []
