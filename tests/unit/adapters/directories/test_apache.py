from collections.abc import Callable
from pathlib import Path

import pytest

from goodhoster.adapters.directories.apache import ApacheDirectory
from goodhoster.errors import ConfigurationError
from goodhoster.model.notices import Matching, Route, Site

Read = Callable[..., list[Site]]
DUMP = """VirtualHost configuration:
192.0.2.1:80           is a NameVirtualHost
         default server first.example ({0}:1)
         port 80 namevhost first.example ({0}:1)
                 alias www.first.example
         port 80 namevhost second.example ({1}:1)
*:443                  alone.example ({2}:1)
[2001:db8::1]:443      alone.example ({2}:1)
ServerRoot: "{3}"
Main DocumentRoot: "/srv/main"
Define: DUMP_VHOSTS
Define: BASE=/srv/base
"""


HANDED_ON = """
ScriptAlias /cgi-bin/ /usr/lib/cgi-bin/
ProxyPass /app http://localhost:3000
ProxyPass /app/static !
Redirect permanent /old https://a.example/
AliasMatch ^/x(.*) /srv/x$1
"""
CONDITIONS = """
<IfModule alias_module>
  <IfDefine BASE>
    DocumentRoot /srv/yes
  </IfDefine>
</IfModule>
<IfDefine OTHER>
  DocumentRoot /srv/no
</IfDefine>
<IfModule !x>
  DocumentRoot /srv/no
</IfModule>
"""


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def sites(first: str, second: str = "", alone: str = "", dump: str = DUMP) -> list[Site]:
        files = [tmp_path / f"{name}.conf" for name in ("first", "second", "alone")]
        for file, block in zip(files, (first, second, alone), strict=True):
            file.write_text(f"<VirtualHost *>\n{block}\n</VirtualHost>\nDocumentRoot /after\n")
        (tmp_path / "dump").write_text(dump.format(*files, tmp_path))
        return ApacheDirectory(["/bin/cat", f"{tmp_path}/dump"]).sites()

    return sites


def test_names_addresses_and_who_answers_for_others(read: Read) -> None:
    first, second, alone = read(
        "ServerName http://First.example:80\nServerAlias www.first.example *.first.example",
        "ServerName second.example",
        "servername alone.example",
    )
    assert (first.names, first.addresses, first.ports, first.default) == (
        ("first.example", "www.first.example", "*.first.example"),
        ("192.0.2.1",),
        (80,),
        True,
    )
    assert (second.names, second.default) == (("second.example",), False)
    assert (alone.addresses, alone.ports, alone.default) == ((), (443,), True)


@pytest.mark.parametrize(
    ("block", "routes"),
    [
        ("", [Route(Matching.PREFIX, "/", b"/srv/main")]),
        ("DocumentRoot '/srv/a b'", [Route(Matching.PREFIX, "/", b"/srv/a b")]),
        ('DocumentRoot "${BASE}/a"', [Route(Matching.PREFIX, "/", b"/srv/base/a")]),
        ("DocumentRoot ${OTHER}/a", [Route(Matching.PREFIX, "/", b"ROOT/${OTHER}/a")]),
        ("DocumentRoot www", [Route(Matching.PREFIX, "/", b"ROOT/www")]),
        ("# DocumentRoot /srv/a\n  documentroot \\\n  /srv/b", [Route(Matching.PREFIX, "/", b"/srv/b")]),
        ("VirtualDocumentRoot /srv/%0/www", [Route(Matching.PREFIX, "/", b"/srv/${host}/www")]),
        ("VirtualDocumentRoot /srv/%2.1/www", [Route(Matching.PREFIX, "/", b"/${untold}")]),
        (
            'Alias /m "/srv/m"\nAlias /n/ /srv/n/',
            [
                Route(Matching.PREFIX, "/m/", b"/srv/m/", replaces=True),
                Route(Matching.PREFIX, "/n/", b"/srv/n/", replaces=True),
                Route(Matching.PREFIX, "/", b"/srv/main"),
            ],
        ),
        (
            HANDED_ON,
            [
                Route(Matching.PREFIX, "/cgi-bin/", None),
                Route(Matching.PREFIX, "/app", None),
                Route(Matching.PREFIX, "/old", None),
                Route(Matching.PATTERN, "^/x(.*)", None),
                Route(Matching.PREFIX, "/", b"/srv/main"),
            ],
        ),
        (
            "<Location /api>\nProxyPass http://localhost:1\n</Location>\n<Directory /srv>\nAlias /no /no\n</Directory>",
            [Route(Matching.PREFIX, "/api", None), Route(Matching.PREFIX, "/", b"/srv/main")],
        ),
        (
            CONDITIONS,
            [Route(Matching.PREFIX, "/", b"/srv/yes")],
        ),
    ],
)
def test_routes(read: Read, tmp_path: Path, block: str, routes: list[Route]) -> None:
    expected = [
        Route(r.matching, r.pattern, r.directory and r.directory.replace(b"ROOT", bytes(tmp_path)), replaces=r.replaces)
        for r in routes
    ]
    assert list(read(block)[0].routes) == expected


def test_an_include_inside_a_host(read: Read, tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts/a.inc").write_text("DocumentRoot /srv/included\nInclude parts/*.inc\n")
    assert read("Include parts/*.inc")[0].routes[-1].directory == b"/srv/included"


def test_a_host_made_by_a_macro_waits_for_a_person(read: Read) -> None:
    moved = DUMP.replace("({0}:1)", "({0}:3)")
    assert read("", dump=moved)[0].routes == (Route(Matching.PREFIX, "/", b"/${untold}"),)


def test_a_file_that_cannot_be_read_is_told(read: Read) -> None:
    with pytest.raises(ConfigurationError, match=r"gone\.conf cannot be read"):
        read("", dump=DUMP.replace("{1}", "/nonexistent/gone.conf"))


def test_another_programs_output_is_told(read: Read) -> None:
    with pytest.raises(ConfigurationError, match="not what apachectl prints"):
        read("", dump="hello")
