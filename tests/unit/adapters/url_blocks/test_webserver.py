"""Blocks with real web servers, on loopback, as processes of our own."""

import http.client
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from goodhoster.adapters.url_blocks import webserver
from goodhoster.adapters.url_blocks.webserver import WebServer, WebServerBlocks, apache, nginx
from goodhoster.errors import PermanentError
from goodhoster.model.notice_status import Block, Seen, Sight
from tests.conftest import PROGRAM_PATH
from tests.journeys.host import wait_until

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def block(url: str) -> Block:
    return Block(url, "N1", "hotline", "anna", NOON)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


class Running:
    """A web server that answers 200 for everything."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.folder, self.port = folder, free_port()
        self.command: tuple[str, ...] = ()
        self.test: tuple[str, ...] = ()
        self.reload: tuple[str, ...] = ()
        self.include = folder / "blocked.conf"
        self.config = folder / "server.conf"
        self.include.write_text(nginx([]) if kind == "nginx" else apache([]))
        getattr(self, f"_{kind}")()
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        write = nginx if kind == "nginx" else apache
        self.server = WebServer(self.include, write, self.test, self.reload)

    def _nginx(self) -> None:
        program = shutil.which("nginx", path=PROGRAM_PATH) or "nginx"
        log = f"error_log {self.folder}/error.log; pid {self.folder}/pid;"
        paths = "".join(f"{kind}_temp_path {self.folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi"))
        self.config.write_text(
            f"{log} events {{}} http {{ access_log off; {paths} uwsgi_temp_path {self.folder}/u; "
            f"scgi_temp_path {self.folder}/s; include {self.include}; server {{ listen 127.0.0.1:{self.port}; "
            'if ($goodhoster_blocked) { return 451; } location / { return 200 "fine"; } } }'
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

    def status(self, url: str) -> int:
        host, _, path = url.removeprefix("http://").partition("/")
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)) as connection:
            connection.request("GET", f"/{path}", headers={"Host": host, "Connection": "close"})
            return connection.getresponse().status

    def answers(self) -> bool:
        try:
            return self.status("http://x/") == 200
        except OSError:
            return False

    def look(self, url: str) -> Seen:
        """As the outside would."""
        return Seen(Sight.GONE if self.status(url) == 451 else Sight.THERE, "asked")


@pytest.fixture(
    params=[
        pytest.param("nginx", marks=pytest.mark.debian("nginx-light", program="nginx")),
        pytest.param("apache", marks=pytest.mark.debian("apache2")),
    ]
)
def running(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path, request.param)
    assert wait_until(running.answers, 20.0), (tmp_path / "error.log").read_text()
    yield running
    running.process.terminate()
    running.process.wait(20)


def test_a_blocked_address_answers_451_and_nothing_else_does(running: Running) -> None:
    blocks = WebServerBlocks(running.server, running.look)
    url = "http://anna.example/app/view.php?id=7&x=(1)"
    blocks.block(block(url))
    ways = [url, "http://www.anna.example/app/view.php?id=7&x=(1)"]
    assert wait_until(lambda: [running.status(way) for way in ways] == [451, 451], 10.0)
    others = ["anna.example/app/view.php?id=70", "anna.example/app/view.php", "bert.example/app/view.php?id=7&x=(1)"]
    assert {running.status(f"http://{other}") for other in others} == {200}
    assert blocks.blocks() == [block(url)]
    blocks.lift(url)
    assert wait_until(lambda: running.status(url) == 200, 10.0)
    assert blocks.blocks() == []


def test_many_and_awkward_addresses_keep_the_configuration_valid(running: Running) -> None:
    blocks = WebServerBlocks(running.server, None)
    urls = [f"http://anna.example/{'x' * (n * 37)}?q='{n}'&~=;,@!*[]" for n in range(40)]
    for url in urls[:3]:
        blocks.block(block(url))
    blocks._become([block(url) for url in urls], [])
    assert wait_until(lambda: {running.status(url) for url in urls} == {451}, 20.0)
    assert running.status("http://anna.example/y") == 200


def test_no_host_blocks_another_tenant(running: Running) -> None:
    """`~` begins a pattern in nginx's map: the block of one tenant of `*.tenants.example` was every tenant's."""
    blocks = WebServerBlocks(running.server, running.look)
    with pytest.raises(PermanentError, match="safely"):
        blocks.block(block("http://~.tenants.example/a"))
    blocks.block(block("http://one-1.tenants.example/~user/a"))
    assert wait_until(lambda: running.status("http://one-1.tenants.example/~user/a") == 451, 10.0)
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
