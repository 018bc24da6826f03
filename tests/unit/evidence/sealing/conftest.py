"""A machine whose cases are sealed for two people, whose private keys are with the tests."""

import os
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pyrage
import pytest

from goodhoster.cases.sealing import PendingSeals, Unsealed
from goodhoster.evidence.quarantine.survey import open_quarantined
from goodhoster.evidence.sealing.custody import CustodyDesk
from goodhoster.evidence.sealing.sealer import Sealer
from goodhoster.evidence.sealing.store import EvidenceStore
from goodhoster.model.cases import Case
from goodhoster.model.sealed_evidence import Manifest, Retention
from tests.unit.cases.test_desk import Services

DAY = timedelta(days=1)


class Sealing:
    """One machine. `rounds()` is what a process makes at its start."""

    def __init__(self, folder: Path) -> None:
        self.services = Services(folder)
        self.folder = folder / "evidence"
        self.identities = [pyrage.x25519.Identity.generate() for _ in range(3)]
        self.recipients = self.names(0, 1)
        self.leave_free, self.largest = 0, 1 << 30

    def names(self, *numbers: int) -> tuple[str, ...]:
        return tuple(str(self.identities[number].to_public()) for number in numbers)

    @property
    def store(self) -> EvidenceStore:
        return EvidenceStore(self.folder)

    def sealer(self) -> Sealer:
        services, keep = self.services, Retention(365 * DAY, 90 * DAY, 365 * DAY)
        recipients, free, largest = self.recipients, self.leave_free, self.largest
        return Sealer(self.store, services.audit, services.clock, keep, recipients, free, largest, "test 1")

    def rounds(self) -> PendingSeals:
        return PendingSeals(self.services.store, self.sealer(), open_quarantined)

    def seal(self) -> list[Unsealed]:
        return self.rounds().run_once(None, lambda: False)

    def custody(self) -> CustodyDesk:
        return CustodyDesk(self.store, self.services.audit, self.services.clock)

    def taken(self, name: str = "anna/a.jpg", text: str = "known") -> Case:
        return self.services.receive(self.services.upload(name, text), text)

    def sealed(self, name: str = "anna/a.jpg", text: str = "known") -> Manifest:
        case = self.taken(name, text)
        assert self.seal() == []
        return self.store.get(case.id).manifest

    def opened(self, file: Path, number: int) -> subprocess.CompletedProcess[bytes]:
        """What Debian's `age` makes of a file with that person's private key."""
        key = self.folder.parent / f"key-{number}"
        with open(os.open(key, os.O_CREAT | os.O_WRONLY, 0o600), "w") as written:
            written.write(f"{self.identities[number]}\n")
        return subprocess.run(["age", "--decrypt", "-i", key, file], capture_output=True, check=False)

    def events(self, begin: str = "evidence.") -> list[str]:
        return [event for event in self.services.events() if event.startswith(begin)]


@pytest.fixture
def sealing(tmp_path: Path, unlocked: None) -> Iterator[Sealing]:
    sealing = Sealing(tmp_path)
    yield sealing
    sealing.services.store.close()
