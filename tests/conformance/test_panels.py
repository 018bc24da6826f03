"""Every panel keeps the promises of the port, over stand-ins that print what the vendors' programs print."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from goodhoster.adapters.counterparts import Endpoint
from goodhoster.adapters.panels.command import CommandPanel, Programs
from goodhoster.adapters.panels.cpanel import CpanelPanel
from goodhoster.adapters.panels.directadmin import DirectAdminPanel
from goodhoster.adapters.panels.hestia import HestiaPanel
from goodhoster.adapters.panels.ispconfig import IspConfigPanel
from goodhoster.adapters.panels.plesk import PleskPanel
from goodhoster.adapters.panels.virtualmin import VirtualminPanel
from goodhoster.ports.panels import Panel
from goodhoster.testing.panels.hosting import FakeHosting
from goodhoster.testing.panels.programs import FakeCommands, FakeHestia, FakeVirtualmin, FakeWhm
from goodhoster.testing.panels.servers import FakeDirectAdmin, FakeIspConfig, FakePlesk
from goodhoster.testing.suites.panel import PanelSuite


class TestHestia(PanelSuite):
    @pytest.fixture
    def panel(self, hosting: FakeHosting) -> Panel:
        return HestiaPanel("web1", Path("/usr/local/hestia/bin"), FakeHestia(hosting))


class TestCpanel(PanelSuite):
    SITES_ALONE = False

    @pytest.fixture
    def panel(self, hosting: FakeHosting, tmp_path: Path) -> Panel:
        whm = FakeWhm(hosting)
        (tmp_path / "userdatadomains").write_text(whm.domains())
        return CpanelPanel("web1", Path("whmapi1"), tmp_path / "userdatadomains", whm)


class TestVirtualmin(PanelSuite):
    @pytest.fixture
    def panel(self, hosting: FakeHosting) -> Panel:
        return VirtualminPanel("web1", Path("virtualmin"), FakeVirtualmin(hosting))


class TestCommand(PanelSuite):
    @pytest.fixture
    def panel(self, hosting: FakeHosting) -> Panel:
        programs = Programs(
            listing=("hook", "list"),
            state=("hook", "state", "{account}"),
            suspend=("hook", "suspend", "{account}"),
            unsuspend=("hook", "unsuspend", "{account}"),
            suspend_site=("hook", "suspend", "{account}", "{host}"),
            unsuspend_site=("hook", "unsuspend", "{account}", "{host}"),
        )
        return CommandPanel("web1", programs, FakeCommands(hosting))


@pytest.mark.parametrize(
    "forms", [{}, {"older": True}, {"toggles": True}], ids=["today", "older forms", "switches to and fro"]
)
class TestDirectAdmin(PanelSuite):
    SITES_ALONE = False

    @pytest.fixture
    def panel(self, hosting: FakeHosting, forms: dict[str, bool]) -> Iterator[Panel]:
        with FakeDirectAdmin(hosting, **forms) as server:
            yield DirectAdminPanel("web1", Endpoint(server.url, account=(server.username, server.password)))


class TestPlesk(PanelSuite):
    @pytest.fixture
    def panel(self, hosting: FakeHosting) -> Iterator[Panel]:
        with FakePlesk(hosting) as server:
            yield PleskPanel("web1", Endpoint(server.url, headers={"X-API-Key": server.password}))


class TestIspConfig(PanelSuite):
    @pytest.fixture
    def panel(self, hosting: FakeHosting) -> Iterator[Panel]:
        with FakeIspConfig(hosting) as server:
            yield IspConfigPanel("web1", Endpoint(server.url), server.username, server.password)
