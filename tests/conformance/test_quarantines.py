"""Every quarantine keeps the promises of the port."""

import pytest

from goodhoster.evidence.quarantine import LocalQuarantine
from goodhoster.ports import Quarantine
from goodhoster.testing.quarantine_suite import QuarantineSuite

pytestmark = pytest.mark.usefixtures("unlocked")


class TestLocal(QuarantineSuite):
    @pytest.fixture
    def quarantine(self, tree: bytes) -> Quarantine:
        return LocalQuarantine((tree,))
