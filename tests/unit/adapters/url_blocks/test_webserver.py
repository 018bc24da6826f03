"""Blocks with real web servers, on loopback, as processes of our own."""

import http.client
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from goodhoster.adapters.url_blocks import webserver
from goodhoster.adapters.url_blocks.include_files import BlockAnswer, apache, nginx
from goodhoster.adapters.url_blocks.webserver import WebServer, WebServerBlocks
from goodhoster.errors import PermanentError
from goodhoster.model.notice_status import Block, Seen, Sight
from tests.conftest import PROGRAM_PATH
from tests.ports import free_port
from tests.waiting import wait_until

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def block(url: str) -> Block:
    return Block(url, "N1", "hotline", "anna", NOON)


class Running:
    """A web server that answers 200 for everything."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.folder, self.port = folder, free_port()
        self.command: tuple[str, ...] = ()
        self.test: tuple[str, ...] = ()
        self.reload: tuple[str, ...] = ()
        self.include = folder / "blocked.conf"
        self.config = folder / "server.conf"
        write = nginx if kind == "nginx" else apache
        for suffix, text in write([], BlockAnswer(), self.include).items():
            (folder / f"blocked.conf{suffix}").write_text(text)
        getattr(self, f"_{kind}")()
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.server = WebServer(self.include, write, self.test, self.reload)

    def showing(self, answer: BlockAnswer) -> WebServerBlocks:
        """As the daemon does at its start."""
        blocks = WebServerBlocks(replace(self.server, answer=answer), self.look)
        blocks.prepare()
        return blocks

    def _nginx(self) -> None:
        program = shutil.which("nginx", path=PROGRAM_PATH) or "nginx"
        log = f"error_log {self.folder}/error.log; pid {self.folder}/pid;"
        paths = "".join(f"{kind}_temp_path {self.folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi"))
        self.config.write_text(
            f"user root; {log} events {{}} http {{ access_log off; {paths} uwsgi_temp_path {self.folder}/u; "
            f"scgi_temp_path {self.folder}/s; error_page 403 =418 /own; include {self.include}; "
            f"server {{ listen 127.0.0.1:{self.port}; include {self.include}.server; "
            'location /forbidden { return 403; } location /own { return 418; } location / { return 200 "fine"; } } }'
        )
        base = (program, "-c", str(self.config), "-e", f"{self.folder}/error.log")
        self.command = (*base, "-g", "daemon off;")
        self.test, self.reload = (*base, "-t"), (*base, "-s", "reload")

    def _apache(self) -> None:
        program = shutil.which("apache2", path=PROGRAM_PATH) or "apache2"
        modules = "".join(
            f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n"
            for name in ("mpm_event", "authz_core", "alias")
        )
        self.config.write_text(
            f"ServerRoot {self.folder}\nPidFile {self.folder}/pid\nErrorLog {self.folder}/error.log\n{modules}"
            f"Listen 127.0.0.1:{self.port}\nServerName x\nInclude {self.include}\n"
            f"<VirtualHost *:{self.port}>\nServerName anna.example\nServerAlias *\nDocumentRoot {self.folder}/www\n"
            f"AliasMatch ^ {self.folder}/www/fine\n</VirtualHost>\n<Directory />\nRequire all granted\n</Directory>\n"
        )
        (self.folder / "www").mkdir()
        (self.folder / "www/fine").write_text("fine")
        base = (program, "-f", str(self.config))
        self.command = (*base, "-DFOREGROUND")
        self.test, self.reload = (*base, "-t"), (*base, "-k", "graceful")

    def status(self, url: str, method: str = "GET") -> int:
        return self.ask(url, method)[0]

    def ask(self, url: str, method: str = "GET") -> tuple[int, str, str]:
        """Status, content type and text."""
        host, _, path = url.removeprefix("http://").partition("/")
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            connection.request(method, f"/{path}", headers={"Host": host, "Connection": "close"})
            answer = connection.getresponse()
            return answer.status, answer.headers.get("Content-Type", ""), answer.read().decode("latin-1")

    def answers(self) -> bool:
        try:
            return self.status("http://x/") == 200
        except OSError:
            return False

    def settles(self, url: str, status: int) -> bool:
        """After a reload old workers answer beside the new ones for a moment."""

        def all_answer() -> bool:
            return {self.status(url) for _ in range(20)} == {status}

        def still_do() -> bool:
            time.sleep(0.3)
            return all_answer()

        return wait_until(lambda: all_answer() and still_do())

    def look(self, url: str) -> Seen:
        """As the outside would."""
        return Seen(Sight.THERE if self.status(url) == 200 else Sight.GONE, "asked")


@pytest.fixture(
    params=[
        pytest.param("nginx", marks=pytest.mark.debian("nginx-light", program="nginx")),
        pytest.param("apache", marks=pytest.mark.debian("apache2")),
    ]
)
def running(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path, request.param)
    assert wait_until(running.answers), (tmp_path / "error.log").read_text()
    yield running
    running.process.terminate()
    running.process.wait(120)


def test_a_blocked_address_answers_451_and_nothing_else_does(running: Running) -> None:
    blocks = WebServerBlocks(running.server, running.look)
    url = "http://anna.example/app/view.php?id=7&x=(1)"
    blocks.block(block(url))
    ways = [url, "http://www.anna.example/app/view.php?id=7&x=(1)"]
    assert wait_until(lambda: [running.status(way) for way in ways] == [451, 451])
    others = ["anna.example/app/view.php?id=70", "anna.example/app/view.php", "bert.example/app/view.php?id=7&x=(1)"]
    assert {running.status(f"http://{other}") for other in others} == {200}
    assert blocks.blocks() == [block(url)]
    blocks.lift(url)
    assert wait_until(lambda: running.status(url) == 200)
    assert blocks.blocks() == []


def test_many_and_awkward_addresses_keep_the_configuration_valid(running: Running) -> None:
    blocks = WebServerBlocks(running.server, None)
    urls = [f"http://anna.example/{'x' * (n * 37)}?q='{n}'&~=;,@!*[]" for n in range(40)]
    for url in urls[:3]:
        blocks.block(block(url))
    blocks._apply([block(url) for url in urls], [])
    assert wait_until(lambda: {running.status(url) for url in urls} == {451})
    assert running.status("http://anna.example/y") == 200


PAGE = """<!doctype html>
<html><style>@keyframes x{50%{width:100%}} p::after{content:"a\\b"}</style>
<p class="x" data-y='${HOME} %{HTTP_HOST} $uri'>Nicht verf\u00fcgbar, \u06cc: caf\u00e9</p></html>
"""


def test_visitors_see_the_page_of_the_house(running: Running) -> None:
    blocks = running.showing(BlockAnswer(page=PAGE))
    url = "http://anna.example/app/view.jpg?id=7"
    blocks.block(block(url))
    assert running.settles(url, 451)
    status, kind, text = running.ask(url)
    assert (status, kind.partition(";")[0]) == (451, "text/html")
    if running.include.with_name("blocked.conf.page.html").exists():  # nginx's workers have another account
        assert running.include.with_name("blocked.conf.page.html").stat().st_mode & 0o777 == 0o644
    assert "Nicht verf&#252;gbar, &#1740;: caf&#233;</p>" in text
    assert "127.0.0.1" not in text
    assert "anna.example" not in text
    assert "@keyframes x{50%" in text
    assert [running.status(url, method) for method in ("HEAD", "POST", "DELETE")] == [451] * 3
    assert running.ask("http://anna.example/app/other.jpg")[::2] == (200, "fine")
    blocks.lift(url)
    assert running.settles(url, 200)


def test_or_404_as_if_nothing_had_been_there(running: Running) -> None:
    blocks = running.showing(BlockAnswer(404))
    url = "http://anna.example/app/view.php?id=7"
    blocks.block(block(url))
    assert running.settles(url, 404)
    assert running.status("http://anna.example/app/view.php?id=8") == 200


def test_another_answer_holds_for_what_is_blocked_already(running: Running) -> None:
    url = "http://anna.example/app/view.php?id=7"
    running.showing(BlockAnswer()).block(block(url))
    assert running.settles(url, 451)
    running.showing(BlockAnswer(404))
    assert running.settles(url, 404)
    running.showing(BlockAnswer(page="<p>made up</p>"))
    assert wait_until(lambda: running.ask(url)[::2] == (451, "<p>made up</p>"))


@pytest.mark.debian("nginx-light", program="nginx")
def test_the_error_pages_of_a_site_stay_its_own(tmp_path: Path) -> None:
    running = Running(tmp_path, "nginx")
    try:
        assert wait_until(running.answers)
        running.showing(BlockAnswer(page=PAGE)).block(block("http://anna.example/x"))
        assert running.settles("http://anna.example/x", 451)
        assert running.status("http://anna.example/forbidden") == 418
        assert running.status("http://anna.example/.goodhoster-blocked") == 404
    finally:
        running.process.terminate()
        running.process.wait(120)


def test_an_answer_that_the_web_server_does_not_take_leaves_everything_as_it_was(tmp_path: Path) -> None:
    WebServerBlocks(Commands(tmp_path).server, None).block(block("http://anna.example/1"))
    before = {file.name: file.read_text() for file in tmp_path.iterdir()}
    with pytest.raises(PermanentError, match="ended with"):
        WebServerBlocks(replace(Commands(tmp_path, test="false").server, answer=BlockAnswer(404)), None).prepare()
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == before


def test_no_host_blocks_another_tenant(running: Running) -> None:
    """`~` begins a pattern in nginx's map: the block of one tenant of `*.tenants.example` was every tenant's."""
    blocks = WebServerBlocks(running.server, running.look)
    with pytest.raises(PermanentError, match="safely"):
        blocks.block(block("http://~.tenants.example/a"))
    blocks.block(block("http://one-1.tenants.example/~user/a"))
    assert wait_until(lambda: running.status("http://one-1.tenants.example/~user/a") == 451)
    assert {running.status(f"http://{host}.tenants.example/~user/a") for host in ("one-2", "xone-1")} == {200}


class Commands:
    """A web server of two shell commands."""

    def __init__(self, folder: Path, test: str = "true", reload: str = "true") -> None:
        self.include = folder / "blocked.conf"
        self.server = WebServer(self.include, nginx, ("sh", "-c", test), ("sh", "-c", reload))


@pytest.mark.parametrize("commands", [{"test": "echo broken >&2; false"}, {"reload": "exit 3"}], ids=["test", "reload"])
def test_when_a_command_fails_everything_is_as_before(tmp_path: Path, commands: dict[str, str]) -> None:
    fine = WebServerBlocks(Commands(tmp_path).server, None)
    fine.block(block("http://anna.example/1"))
    before = (tmp_path / "blocked.conf").read_text()
    with pytest.raises(PermanentError, match="ended with"):
        WebServerBlocks(Commands(tmp_path, **commands).server, None).block(block("http://anna.example/2"))
    assert (tmp_path / "blocked.conf").read_text() == before
    assert fine.blocks() == [block("http://anna.example/1")]


def test_a_block_without_effect_is_taken_back_and_said_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webserver, "_TAKES_EFFECT", (0.0, 0.0))
    blocks = WebServerBlocks(Commands(tmp_path).server, lambda _: Seen(Sight.THERE, "answers 200"))
    with pytest.raises(PermanentError, match="no effect: answers 200"):
        blocks.block(block("http://anna.example/1"))
    assert blocks.blocks() == []


@pytest.mark.parametrize(
    "url",
    ['http://anna.example/"; return 200; #', "http://anna.example/a\n}", "http://anna.example/$x", "http:///x"]
    + [
        f"http://{host}/x" for host in ("~anna.example", "~", "*.example", "a*b.example", "a_b.example", "[::1]", "a'b")
    ],
)
def test_what_could_break_out_of_the_file_is_refused(tmp_path: Path, url: str) -> None:
    blocks = WebServerBlocks(Commands(tmp_path).server, None)
    with pytest.raises(PermanentError, match="safely"):
        blocks.block(block(url))
    assert blocks.blocks() == []


def test_blocking_and_lifting_may_be_repeated(tmp_path: Path) -> None:
    blocks = WebServerBlocks(Commands(tmp_path).server, None)
    for _ in range(2):
        blocks.block(block("http://anna.example/1"))
    assert len(blocks.blocks()) == 1
    for _ in range(2):
        blocks.lift("http://anna.example/1")
    assert blocks.blocks() == []
