"""The crawler as a host has it: real stores, index, list and web server; what it finds is in status, log and mirror."""

import hashlib
import http.server
import ipaddress
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from goodhoster.adapters.site_checks.http import Address, HttpOutside, Reach
from goodhoster.adapters.site_checks.pages import HttpPages
from goodhoster.assembly.reports.maker import ReportMaker
from goodhoster.assembly.services import Services
from goodhoster.assembly.state import lists_directory
from goodhoster.errors import ConfigurationError
from goodhoster.hashlists.audited_changes import RecordedLists
from goodhoster.hashlists.own_lists import ListImportOrder
from goodhoster.model.notice_status import ItemState, Notice, NoticeItem, NoticeState, Receipt
from goodhoster.model.notices import Carrier, NoticeFormat, ReadItem, ReadNotice, TrustFinding, TrustLevel
from goodhoster.model.verdicts import Category
from goodhoster.reports.periods import Period
from goodhoster.settings import load
from goodhoster.testing.pictures import made_up_picture
from goodhoster_agent.cli import app
from goodhoster_agent.commands.status import as_text
from goodhoster_agent.configuration_check import check_whole
from goodhoster_agent.status.objects import status_object

KNOWN, OTHER = made_up_picture(1), made_up_picture(2)
CONFIGURATION = """
[agent]
state_dir = "{0}/state"
[[watch]]
path = "{0}/customers"
[[hash_source]]
kind = "list"
[[directory]]
kind = "list"
file = "{0}/sites.csv"
[notices]
own_networks = ["127.0.0.0/8"]
[crawl]
every = "7d"
"""
URL = "http://anna.example/p.png"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        pages = {
            "/": (b'<img src="/show?id=1"><img src="/show?id=2"><img src="other.png">', "text/html"),
            "/show?id=1": (KNOWN, "image/png"),
            "/show?id=2": (OTHER, "image/png"),
        }
        body, kind = pages.get(self.path, (b"", ""))
        self.send_response(200 if body else 404)
        self.send_header("Content-Type", kind or "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "customers" / "anna").mkdir(parents=True)
    (tmp_path / "customers" / "anna" / "other.png").write_bytes(KNOWN)
    (tmp_path / "sites.csv").write_text(f"customer_id,domain,docroot\nanna,anna.example,{tmp_path}/customers/anna\n")
    (tmp_path / "list.txt").write_text(hashlib.sha256(KNOWN).hexdigest() + "\n")
    file = tmp_path / "goodhoster.toml"
    file.write_text(CONFIGURATION.format(tmp_path))
    return file


def reported() -> Notice:
    now = datetime.now(UTC)
    item = NoticeItem(ReadItem((URL,)), URL, ItemState.INACCESSIBLE, "anna", cases=(), gone_at=now - timedelta(days=20))
    read, trust = ReadNotice(NoticeFormat.SCART_TABLE), TrustFinding(TrustLevel.PINNED, "hotline")
    received = now - timedelta(days=21)
    receipt = Receipt("20260101-abcdefg", received, Carrier.MAIL, b"")
    deadline = received + timedelta(days=1)
    return Notice(receipt, NoticeState.DONE, read, trust, (item,), deadline, stopped_at=item.gone_at)


def test_what_came_back_on_a_host_is_found_told_and_counted(config: Path, port: int) -> None:
    def here(_host: str) -> list[Address]:
        return [ipaddress.ip_address("127.0.0.1")]

    settings = load(config)
    check_whole(settings)
    with Services(settings) as services:
        order = ListImportOrder([config.parent / "list.txt"], "demo", Category.BASELINE, None, replace=True)
        RecordedLists(lists_directory(settings), services.audit).import_files(order, "a test")
        services.notices.store.add(reported())
        assert "not begun yet" in as_text(status_object(services))
        rounds = services.notices.crawl_schedule
        assert rounds
        reach = Reach(settings.notices.own_networks, here, {"http": port, "https": 1})
        crawler = replace(rounds.crawler, pages=HttpPages(reach), outside=HttpOutside(reach))
        assert replace(rounds, crawler=crawler).run_once(lambda: False) == timedelta(days=7).total_seconds()
        (item,) = services.notices.store.get("20260101-abcdefg").items
        assert item.state is ItemState.REOPENED
        assert set(item.found_at) == {"http://anna.example/show?id=1", "http://anna.example/other.png"}
        assert services.index.figures().waiting == 1, "the file on disk waits for its check"
        status = status_object(services)
        counts = {name: status["crawl"][name] for name in ("urls", "found", "unchecked")}
        assert counts == {"urls": 1, "found": 2, "unchecked": 0}
        assert "2 found again" in as_text(status)
        assert ReportMaker(services, Period()).make("norm").data["reopened"] == 1
        log = [entry.event for entry in services.audit.entries() if entry.event.kind.startswith(("crawl.", "item."))]
        assert [event.kind for event in log] == ["crawl.began", "item.reopened", "crawl.ended"]
    assert b"anna.example" not in (config.parent / "state" / "audit.log").read_bytes()
    shown = CliRunner().invoke(app, ["notices", "show", "20260101-abcdefg", "--config", str(config)]).output
    assert "found at" in shown
    assert "http://" not in shown.partition("\ntext")[0]


def test_without_own_networks_or_sites_it_is_refused(config: Path) -> None:
    config.write_text(config.read_text().replace('own_networks = ["127.0.0.0/8"]', ""))
    with pytest.raises(ConfigurationError, match=r"\[crawl\] every needs"):
        check_whole(load(config))


def test_unless_it_is_set_there_is_none(config: Path) -> None:
    config.write_text(config.read_text().replace('every = "7d"', ""))
    with Services(load(config)) as services:
        assert services.notices.crawl_schedule is None
        assert status_object(services)["crawl"] is None
