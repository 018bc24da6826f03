"""The scenes of the demo, in order.

Each does one thing and looks from outside whether it happened.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goodhoster.errors import DemoError
from goodhoster_agent.demo.stage import CUSTOMERS, LARGEST_FILE, Snapshot, Stage, fingerprint_of, picture, wait_until

CLEAR, KNOWN, RENAMED, NESTED, LATE_CLEAR, LATE_KNOWN, STORM, EXEMPT, ALTERED = range(9)
KNOWN_PICTURES = tuple(picture(number) for number in (KNOWN, RENAMED, NESTED, LATE_KNOWN, STORM, EXEMPT))


_FORGED = """\
From: Hotline <hotline@hotline.example>
To: abuse@hoster.example
Subject: [M0000000001] notice
Date: Tue, 24 Nov 2026 11:00:00 +0100
Message-ID: <demo@hotline.example>

See hxxp://anna[.]example/upload/garden.png
"""


@dataclass(frozen=True, slots=True)
class Scene:
    """A step: a title, and a function that returns what was seen, or raises DemoError."""

    title: str
    play: Callable[[Stage], str]


def start_processes(stage: Stage) -> str:
    """Start both processes."""
    stage.start_service()
    stage.start_daemon()
    return f"hash service on 127.0.0.1:{stage.port}, daemon ready, three customers"


def clear_picture(stage: Stage) -> str:
    """A clear picture stays as it is."""
    path = stage.upload("anna", "garden.png", picture(CLEAR))
    before = Snapshot.of(path)
    wait_until("a verdict", lambda: stage.status()["verdicts"].get("clear", 0) >= 1)
    _unchanged(path, before)
    answer = stage.goodhoster("check", str(path))
    if answer.returncode:
        raise DemoError(f"goodhoster check says: {answer.stdout}")
    return "verdict clear, file untouched"


def known_picture(stage: Stage) -> str:
    """A known picture goes offline."""
    return _goes_offline(stage, "bram", "summer.png", KNOWN)


def renamed_picture(stage: Stage) -> str:
    """A known picture under another name: the name decides nothing."""
    return _goes_offline(stage, "bram", "notes.txt", RENAMED)


def nested_picture(stage: Stage) -> str:
    """A file in directories that did not exist a moment ago."""
    return _goes_offline(stage, "chris", "2026/11/24/new/photo.png", NESTED)


def altered_picture(stage: Stage) -> str:
    """A copy that was made brighter is near a known picture, and a person decides.

    It has no digest in common: its fingerprint is near.
    """
    fingerprint = fingerprint_of(picture(ALTERED))
    if fingerprint is None:
        return "not shown: near matches need the extra `near`, which is not installed"
    listed = stage.folder / "made-up.csv"
    listed.write_text(f"pdq\n{fingerprint.hex()}\n", encoding="ascii")
    stage.goodhoster("hashlist", "import", str(listed), "--source", "made-up")
    path, before = stage.move_in("chris", "brighter.png", picture(ALTERED, brighter=12))
    wait_until("a held case", lambda: stage.cases().get(str(path), {}).get("state") == "held")
    _unchanged(path, before)
    answer = stage.goodhoster("check", str(path), "--json")
    return f"{json.loads(answer.stdout)['verdict']}: held for a person, file untouched"


def unreadable_file(stage: Stage) -> str:
    """A file that cannot be read is unchecked: neither clear nor known, and reported so."""
    path = stage.upload("anna", "huge.png", picture(CLEAR) + bytes(LARGEST_FILE))
    wait_until("a verdict", lambda: stage.status()["unchecked_reasons"].get("too-big", 0) == 1)
    if not path.exists():
        raise DemoError("the file that could not be checked is gone")
    answer = stage.goodhoster("check", str(path))
    if answer.returncode != 3:  # noqa: PLR2004 - unchecked
        raise DemoError(f"goodhoster check ended with {answer.returncode}: {answer.stdout}")
    path.unlink()
    return "unchecked (too-big), counted in status, file untouched"


def service_away(stage: Stage) -> str:
    """Without the hash service nothing is clear and nothing is known."""
    stage.stop("service")
    known = stage.upload("anna", "late.png", picture(LATE_KNOWN))
    clear = stage.upload("anna", "evening.png", picture(LATE_CLEAR))
    wait_until("both files unchecked", lambda: stage.status()["unchecked"] >= 2)  # noqa: PLR2004 - both
    wait_until("status says so", lambda: bool(stage.status()["degraded"]))
    status = stage.status()
    if not (known.exists() and clear.exists()):
        raise DemoError(f"without a hash service: {status}")
    return f"{status['queue']} uploads wait on disk; status: {status['degraded'][0][:60]}"


def service_back(stage: Stage) -> str:
    """The daemon catches up by itself."""
    known = stage.customers / "anna/upload/late.png"
    clear = stage.customers / "anna/upload/evening.png"
    before = Snapshot.of(clear)
    stage.start_service()
    seconds = wait_until("the known one offline", lambda: not known.exists(), timeout=40)
    wait_until("an empty queue", lambda: stage.status()["queue"] == 0)
    _unchanged(clear, before)
    return f"caught up by itself after {seconds:.1f} s: known offline, clear untouched"


def put_back(stage: Stage) -> str:
    """A person overrules a match: the file comes back byte- and metadata-exact, and stays."""
    path, before = stage.move_in("bram", "again.png", picture(KNOWN))
    wait_until("a closed case", lambda: stage.cases().get(str(path), {}).get("state") == "offline")
    if path.exists():
        raise DemoError(f"{path} is still there")
    case = stage.cases()[str(path)]
    answer = stage.goodhoster("cases", "restore", case["id"], "--reason", "demo: the owner objected")
    if answer.returncode:
        raise DemoError(f"goodhoster cases restore: {answer.stdout}{answer.stderr}")
    _unchanged(path, before)
    time.sleep(1)
    _unchanged(path, before)
    return f"case {case['id']} restored: bytes, owner, mode and times as before; it stays"


def forged_notice(stage: Stage) -> str:
    """A mail with a forged hotline sender is kept and located, and waits for a person.

    Anybody can write the hotline's name into a mail.
    """
    path = stage.customers / "anna/upload/garden.png"
    before = Snapshot.of(path)
    mail = stage.folder / "forged.eml"
    mail.write_text(_FORGED, encoding="ascii")
    answer = stage.goodhoster("notices", "receive", str(mail), "--json")
    if answer.returncode:
        raise DemoError(f"goodhoster notices receive: {answer.stdout}{answer.stderr}")
    notice = json.loads(answer.stdout)
    (item,) = notice["items"]
    if (item["customer"], item["path"]) != ("anna", str(path)) or notice["level"] != "unauthenticated":
        raise DemoError(f"the notice was read as {notice}")
    _unchanged(path, before)
    if stage.status()["open_notices"] != 1:
        raise DemoError("the notice is not open")
    return f"kept as {notice['id']}, found at customer anna, level {notice['level']}: {notice['state']}, file untouched"


def storm(stage: Stage) -> str:
    """The same picture at every customer looks like a wrong list.

    It is held, and undone by one command.
    """
    moved = [stage.move_in(customer, "logo.png", picture(STORM)) for customer in CUSTOMERS]
    paths = [path for path, _ in moved]
    wait_until("a held case", lambda: any(case["state"] == "held" for case in _about(stage, paths)))
    wait_until("two files offline", lambda: sum(path.exists() for path in paths) == 1)
    cases = stage.cases()
    digest = cases[str(paths[0])]["sha256"]
    answer = stage.goodhoster("cases", "restore", "--digest", digest, "--reason", "demo: a logo of every site")
    if answer.returncode:
        raise DemoError(f"goodhoster cases restore --digest: {answer.stdout}{answer.stderr}")
    for path, before in moved:
        _unchanged(path, before)
    return "2 offline, the 3rd held for a person; one command undid it all, exactly"


def exempt_picture(stage: Stage) -> str:
    """A picture of a CMS release never goes offline, whatever a list says; and it is reported."""
    release = stage.folder / "cms-1.0"
    release.mkdir()
    (release / "smiley.png").write_bytes(picture(EXEMPT))
    answer = stage.goodhoster("exemptions", "build", str(release))
    if answer.returncode:
        raise DemoError(f"goodhoster exemptions build: {answer.stdout}{answer.stderr}")
    path, before = stage.move_in("anna", "smiley.png", picture(EXEMPT))
    wait_until("a held case", lambda: stage.cases().get(str(path), {}).get("state") == "held")
    _unchanged(path, before)
    return f"held: {stage.cases()[str(path)]['reason']}; file untouched"


def audit_is_whole(stage: Stage) -> str:
    """The audit log of the demo verifies."""
    stage.stop("host")
    answer = stage.goodhoster("audit", "verify")
    if answer.returncode:
        raise DemoError(f"goodhoster audit verify: {answer.stdout}")
    return answer.stdout.strip()[:72]


SCENES = (
    Scene("a hoster and its hash service", start_processes),
    Scene("a picture nobody knows", clear_picture),
    Scene("a known picture", known_picture),
    Scene("a known picture named .txt", renamed_picture),
    Scene("a known picture in fresh directories", nested_picture),
    Scene("a known picture that was altered", altered_picture),
    Scene("a file that cannot be read", unreadable_file),
    Scene("the hash service goes away", service_away),
    Scene("the hash service comes back", service_back),
    Scene("a person puts a file back", put_back),
    Scene("a forged notice", forged_notice),
    Scene("a storm", storm),
    Scene("a picture of a CMS, in the list by mistake", exempt_picture),
    Scene("the audit log", audit_is_whole),
)


def _about(stage: Stage, paths: list[Path]) -> list[dict[str, Any]]:
    return [case for path, case in stage.cases().items() if Path(path) in paths]


def _goes_offline(stage: Stage, customer: str, name: str, number: int) -> str:
    path = stage.upload(customer, name, picture(number))
    seconds = wait_until(f"{name} offline", lambda: not path.exists())
    wait_until("a closed case", lambda: stage.cases().get(str(path), {}).get("state") == "offline")
    return f"offline after {seconds * 1000:.0f} ms; case {stage.cases()[str(path)]['id']}"


def _unchanged(path: Path, before: Snapshot) -> None:
    if not path.exists() or Snapshot.of(path) != before:
        raise DemoError(f"{path} is not as it was")
