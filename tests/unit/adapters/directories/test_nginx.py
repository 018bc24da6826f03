from collections.abc import Callable
from pathlib import Path

import pytest

from goodhoster.adapters.directories.nginx import NginxDirectory
from goodhoster.adapters.directories.nginx_dump import unpacked
from goodhoster.errors import ConfigurationError, PassingError
from goodhoster.model.notices import Matching, Route, Site

Read = Callable[[str], list[Site]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def sites(http: str) -> list[Site]:
        (tmp_path / "nginx.conf").write_text(f"events {{}} http {{ {http} }}")
        return NginxDirectory(tmp_path / "nginx.conf").sites()

    return sites


def test_names_of_every_form(read: Read) -> None:
    (site,) = read(r'server { server_name A.example *.a.example .b.example www.c.* ~^d\d+\.example$ _ "" $hostname; }')
    assert site.names == ("a.example", "*.a.example", ".b.example", "www.c.*", r"~^d\d+\.example$")


@pytest.mark.parametrize(
    ("listen", "addresses", "ports"),
    [
        ("", (), (80,)),
        ("listen 8080;", (), (8080,)),
        ("listen *:443 ssl http2;", (), (443,)),
        ("listen [::]:443 ssl; listen 443 ssl;", (), (443,)),
        ("listen 80; listen 443 ssl;", (), (80, 443)),
        ("listen 192.0.2.1; listen 192.0.2.2:80;", ("192.0.2.1", "192.0.2.2"), (80,)),
        ("listen [2001:DB8::1]:443;", ("2001:db8::1",), (443,)),
        ("listen unix:/run/x.sock;", (), ()),
    ],
)
def test_where_it_listens(read: Read, listen: str, addresses: tuple[str, ...], ports: tuple[int, ...]) -> None:
    (site,) = read(f"server {{ {listen} }}")
    assert (site.addresses, site.ports) == (addresses, ports)


def test_the_first_answers_for_unknown_names_unless_another_says_so(read: Read) -> None:
    assert [s.default for s in read("server { listen 80; } server { listen 80; } server { listen 81; }")] == [1, 0, 1]
    assert [s.default for s in read("server { listen 80; } server { listen 80 default_server; }")] == [0, 1]


@pytest.mark.parametrize(
    ("server", "routes"),
    [
        ("", [Route(Matching.PREFIX, "/", b"/usr/share/nginx/html")]),
        ("root /srv/a;", [Route(Matching.PREFIX, "/", b"/srv/a")]),
        ("root sites/a;", [Route(Matching.PREFIX, "/", b"/usr/share/nginx/sites/a")]),
        ("root /srv/$host/www;", [Route(Matching.PREFIX, "/", b"/srv/$host/www")]),
        ("return 301 https://a.example; root /srv/a; location /x { }", [Route(Matching.PREFIX, "/", None)]),
        (
            "root /srv/a; location = /one { } location ^~ /two { root /b; } location ~ [.]x$ { } location ~* [.]y$ { }",
            [
                Route(Matching.EXACT, "/one", b"/srv/a"),
                Route(Matching.FIRM_PREFIX, "/two", b"/b"),
                Route(Matching.PATTERN, "[.]x$", b"/srv/a"),
                Route(Matching.PATTERN_ANY_CASE, "[.]y$", b"/srv/a"),
                Route(Matching.PREFIX, "/", b"/srv/a"),
            ],
        ),
        (
            "root /srv/a; location =/one { } location ~[.]x$ { proxy_pass http://b; } location @later { }",
            [
                Route(Matching.EXACT, "/one", b"/srv/a"),
                Route(Matching.PATTERN, "[.]x$", None),
                Route(Matching.PREFIX, "/", b"/srv/a"),
            ],
        ),
        (
            "root /srv/a; location /m/ { alias /srv/m/; } location ~ ^/u/(.+) { alias /srv/u/$1; }",
            [
                Route(Matching.PREFIX, "/m/", b"/srv/m/", replaces=True),
                Route(Matching.PATTERN, "^/u/(.+)", None),
                Route(Matching.PREFIX, "/", b"/srv/a"),
            ],
        ),
    ],
)
def test_routes(read: Read, server: str, routes: list[Route]) -> None:
    (site,) = read(f"server {{ {server} }}")
    assert list(site.routes) == routes


def test_what_is_not_nginxs_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "nginx.conf").write_text("events {}\nhttp {\n  server { root /a }\n}\n")
    with pytest.raises(ConfigurationError, match=r"line 4: .*server_name|line 3|line 4") as refusal:
        NginxDirectory(tmp_path / "nginx.conf").sites()
    assert refusal.value.hint


@pytest.mark.parametrize("missing", ["nginx.conf", "include"])
def test_a_missing_file_is_never_half_a_list(tmp_path: Path, missing: str) -> None:
    if missing == "include":
        (tmp_path / "nginx.conf").write_text(f"events {{}} http {{ include {tmp_path}/gone.conf; }}")
    with pytest.raises(ConfigurationError):
        NginxDirectory(tmp_path / "nginx.conf").sites()


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["/nonexistent/nginx", "-T"], "cannot be run"),
        (["/bin/sh", "-c", "echo broken >&2; exit 1"], "ended with 1: broken"),
        (["/bin/echo", "hello"], "this is not what nginx -T prints"),
    ],
)
def test_a_command_that_does_not_tell(command: list[str], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        NginxDirectory(command=command).sites()


def test_a_command_that_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("goodhoster.linux.programs.SECONDS", 0.1)
    with pytest.raises(PassingError, match="took longer"):
        NginxDirectory(command=["/bin/sleep", "10"]).sites()


def test_a_dump_is_unpacked_below_its_own_folder_and_nowhere_else(tmp_path: Path) -> None:
    dump = (
        f"# configuration file {tmp_path}/nginx.conf:\nhttp {{\n  include {tmp_path}/../up.conf;\n}}\n"
        f"# configuration file {tmp_path}/../up.conf:\nserver {{ }}\n"
    )
    with unpacked(dump.encode()) as config:
        assert config.read_text().startswith("http")
        folder = Path(str(config).removesuffix(f"{tmp_path}/nginx.conf"))
        assert (folder / str(tmp_path.parent / "up.conf")[1:]).read_text() == "server { }\n"
    assert not config.exists()
    assert not (tmp_path.parent / "up.conf").exists()
