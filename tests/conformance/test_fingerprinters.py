"""The suite for licensed libraries, run on a made-up one: there is no other here, and never will be."""

import pytest

from goodhoster.ports import LicensedFingerprinter
from goodhoster.testing.not_photodna import NotPhotoDna
from goodhoster.testing.suites.fingerprinter import FingerprinterSuite


class TestNotPhotoDna(FingerprinterSuite):
    @pytest.fixture
    def fingerprinter(self) -> LicensedFingerprinter:
        return NotPhotoDna()
