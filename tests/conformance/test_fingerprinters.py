"""The suite for licensed libraries, run on a made-up one: there is no other here, and never will be."""

import pytest

from goodhoster.ports import LicensedFingerprinter
from goodhoster.testing.fingerprinter_suite import FingerprinterSuite
from goodhoster.testing.notphotodna import NotPhotoDna


class TestNotPhotoDna(FingerprinterSuite):
    @pytest.fixture
    def fingerprinter(self) -> LicensedFingerprinter:
        return NotPhotoDna()
