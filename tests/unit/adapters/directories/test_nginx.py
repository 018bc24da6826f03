import os
from collections.abc import Callable
from pathlib import Path

import pytest

from goodhoster.adapters.directories.nginx import NginxDirectory
from goodhoster.adapters.directories.nginx_dump import unpacked
from goodhoster.adapters.url_blocks.include_files import BlockAnswer
from goodhoster.adapters.url_blocks.include_files import nginx as blocked_files
from goodhoster.errors import ConfigurationError, PassingError, UnclearRouteError
from goodhoster.locating.disk import Disk
from goodhoster.model.notices import Site
from goodhoster.model.site_rules import ShownKind, SiteRequest

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


def at(site: Site, path: str, **more: str) -> str:
    """Where that path is looked for; `program` or where it redirects to otherwise."""
    assert site.rules is not None
    (shown,) = site.rules.shown(SiteRequest("http", "a.example", 80, path.encode(), raw=path, variables=more), Disk())
    if shown.kind in {ShownKind.PROGRAM, ShownKind.REDIRECT}:
        return shown.url or "program"
    assert shown.at is not None
    return os.fsdecode(os.path.join(shown.at.directory, shown.at.path))


@pytest.mark.parametrize(
    ("server", "path", "where"),
    [
        ("", "/x", "/usr/share/nginx/html/x"),
        ("root /srv/a;", "/x/y", "/srv/a/x/y"),
        ("root sites/a;", "/x", "/usr/share/nginx/sites/a/x"),
        ("root /srv/$host/www;", "/x", "/srv/a.example/www/x"),
        ("return 301 https://b.example$request_uri; root /srv/a; location /x { }", "/x", "https://b.example/x"),
        ("return 200 hello;", "/x", "program"),
        ("root /srv/a; location = /one { root /b; }", "/one", "/b/one"),
        ("root /srv/a; location ^~ /two { root /b; } location ~ x$ { root /c; }", "/two/x", "/b/two/x"),
        (
            "root /srv/a; location =/one { } location ~[.]x$ { proxy_pass http://b; } location @later { }",
            "/a.x",
            "program",
        ),
        ("root /srv/a; location ~* [.]y$ { root /c; }", "/A.Y", "/c/A.Y"),
        ("root /srv/a; location /m/ { alias /srv/m/; }", "/m/x", "/srv/m/x"),
        ("root /srv/a; location ~ ^/u/(.+) { alias /srv/u/$1; }", "/u/x/y", "/srv/u/x/y"),
        (
            "root /srv/a; location /t { location ~ j$ { root /b; } } location /t/deep { }",
            "/t/deep/j",
            "/srv/a/t/deep/j",
        ),
        ("root /srv/$user/www;", "/x", "/srv/cas/www/x"),
    ],
)
def test_where_a_path_is_looked_for(read: Read, server: str, path: str, where: str) -> None:
    (site,) = read(f"server {{ {server} }}")
    assert at(site, path, user="cas") == where


@pytest.mark.parametrize(
    ("server", "path"),
    [
        ("root /srv/$geoip_country;", "/x"),
        ("root /srv/$cut; location ~ ^/(?<cut>.*)/x$ { root /srv/$cut; }", "/../../x"),
        ("root /srv; rewrite ^/x(.*)$ /y$1%2e last;", "/x"),
        ("root /srv; location ~ ^/(.*)(.*)(.*)(.*)(.*)\\1[^a]$ { }", "/" + "a" * 200 + "b"),
        ("root /srv; location / { if ($remote_addr = 192.0.2.1) { return 302 /y; } return 302 /z; }", "/x"),
        ("root /srv; location / { random_index on; }", "/x/"),
        (
            "root /srv; rewrite ^/x$ /y last; location /y { rewrite ^ /z last; } location /z { rewrite ^ /y last; }",
            "/x",
        ),
    ],
)
def test_what_cannot_be_followed_is_said_so(read: Read, server: str, path: str) -> None:
    (site,) = read(f"server {{ {server} }}")
    with pytest.raises(UnclearRouteError):
        at(site, path)


@pytest.mark.parametrize(
    "odd",
    [
        "frobnicate on;",
        "location /x { frobnicate on; }",
        "include gone.conf;",
        "location / { limit_except GET { include gone.conf; } }",
        "include broken.inc;",
        "merge_slashes off;",
        "root /no /two;",
    ],
)
def test_what_is_odd_in_one_server_is_its_own_trouble(read: Read, tmp_path: Path, odd: str) -> None:
    (tmp_path / "broken.inc").write_text("location / { root /x; ")
    one, other = read(
        f"server {{ server_name odd.example; {odd} }}\nserver {{ server_name fine.example; root /srv/a; }}"
    )
    assert one.trouble
    assert (other.trouble, at(other, "/x")) == ("", "/srv/a/x")


@pytest.mark.parametrize(
    "fine",
    [
        "location / { limit_except GET { include there.inc; } }",
        "if ($arg_x) { include there.inc; }",
        "brotli on; more_clear_headers Server; http2 on; modsecurity on;",
        "include nothing/*.conf;",
    ],
)
def test_what_is_unusual_is_no_trouble(read: Read, tmp_path: Path, fine: str) -> None:
    (tmp_path / "there.inc").write_text("deny all;")
    (site,) = read(f"server {{ root /srv/a; {fine} }}")
    assert (site.trouble, at(site, "/x")) == ("", "/srv/a/x")


def test_of_a_broken_file_of_servers_the_others_are_told_and_its_own_names(read: Read, tmp_path: Path) -> None:
    (tmp_path / "b.conf").write_text("server { server_name broken.example www.broken.example; root /srv/b")
    (tmp_path / "a.conf").write_text("server { server_name fine.example; root /srv/a; }")
    fine, broken = read("include ?.conf;")
    assert (fine.names, fine.trouble) == (("fine.example",), "")
    assert broken.names == ("broken.example", "www.broken.example")
    assert "b.conf, line 1" in broken.trouble


def test_of_a_missing_file_of_servers_nobody_knows_the_names(read: Read) -> None:
    fine, unknown = read("server { server_name fine.example; } include gone.conf;")
    assert (fine.trouble, unknown.names) == ("", ())
    assert "gone.conf cannot be read" in unknown.trouble


def test_a_configuration_that_cannot_be_read_at_all_is_told(tmp_path: Path) -> None:
    for content in ("events {}\nhttp {\n  server { root /a; }\n", None):
        if content:
            (tmp_path / "nginx.conf").write_text(content)
        else:
            (tmp_path / "nginx.conf").unlink()
        with pytest.raises(ConfigurationError) as refusal:
            NginxDirectory(tmp_path / "nginx.conf").sites()
        assert refusal.value.hint


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


@pytest.mark.parametrize("answer", [BlockAnswer(), BlockAnswer(404), BlockAnswer(page="<p>gone</p>")], ids=str)
def test_what_we_write_into_it_ourselves_hides_no_other_file(read: Read, tmp_path: Path, answer: BlockAnswer) -> None:
    include = tmp_path / "blocked.conf"
    for suffix, text in blocked_files(["a.example/blocked.jpg"], answer, include).items():
        (tmp_path / f"blocked.conf{suffix}").write_text(text)
    (tmp_path / "free.jpg").touch()
    (site,) = read(f"include {include}; server {{ root {tmp_path}; include {include}.server; }}")
    assert site.trouble == ""
    assert at(site, "/free.jpg", host="a.example") == f"{tmp_path}/free.jpg"
