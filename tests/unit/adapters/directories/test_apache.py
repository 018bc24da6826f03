import os
from collections.abc import Callable
from pathlib import Path

import pytest

from goodhoster.adapters.directories.apache import ApacheDirectory
from goodhoster.errors import ConfigurationError, UnclearRouteError
from goodhoster.locating.disk import Disk
from goodhoster.locating.site_map import SiteMap
from goodhoster.model.notices import Site
from goodhoster.model.site_rules import ShownKind, SiteRequest

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


def at(site: Site, path: str, host: str = "first.example") -> str:
    """Where that path is looked for; `program` or where it redirects to otherwise."""
    assert site.rules is not None
    (shown,) = site.rules.shown(SiteRequest("http", host, 80, path.encode(), raw=path), Disk())
    if shown.kind in {ShownKind.PROGRAM, ShownKind.REDIRECT}:
        return shown.url or "program"
    return os.fsdecode(os.path.join(shown.at.directory, shown.at.path)) if shown.at else "refused"


@pytest.mark.parametrize(
    ("block", "path", "where"),
    [
        ("", "/x", "/srv/main/x"),
        ("DocumentRoot '/srv/a b'", "/x", "/srv/a b/x"),
        ('DocumentRoot "${BASE}/a"', "/x", "/srv/base/a/x"),
        ("DocumentRoot www", "/x", "ROOT/www/x"),
        ("# DocumentRoot /srv/a\n  documentroot \\\n  /srv/b", "/x", "/srv/b/x"),
        ("VirtualDocumentRoot /srv/%0/www", "/x", "/srv/first.example/www/x"),
        ("VirtualDocumentRoot /srv/%-1/%1.1/%1.-1/%3/%1+", "/x", "/srv/example/f/t/_/first.example/x"),
        ('Alias /m "/srv/m"\nAlias /n/ /srv/n/', "/m/x", "/srv/m/x"),
        ('Alias /m "/srv/m"\nAlias /n/ /srv/n/', "/mx", "/srv/main/mx"),
        ("Alias /n/ /srv/n/\nAlias /n/x /srv/later", "/n/x", "/srv/n/x"),
        ("AliasMatch ^/x(.*) /srv/x$1", "/x/y", "/srv/x/y"),
        ("ScriptAlias /cgi-bin/ /usr/lib/cgi-bin/", "/cgi-bin/x", "program"),
        ("ProxyPass /app http://localhost:3000", "/app/x", "program"),
        ("ProxyPass /app/static !\nProxyPass /app http://localhost:3000", "/app/static/x", "/srv/main/app/static/x"),
        ("Redirect permanent /old https://a.example/", "/old/x", "https://a.example//x"),
        ("Redirect gone /old", "/old/x", "refused"),
        ("<Location /api>\nProxyPass http://localhost:1\n</Location>", "/api/x", "program"),
        ("<Directory /srv>\nAlias /no /no\n</Directory>", "/no/x", "/srv/main/no/x"),
        ("UserDir /srv/home/*/www", "/~cas/x", "/srv/main/~cas/x"),
        (CONDITIONS, "/x", "/srv/yes/x"),
    ],
)
def test_where_a_path_is_looked_for(read: Read, tmp_path: Path, block: str, path: str, where: str) -> None:
    assert at(read(block)[0], path) == where.replace("ROOT", str(tmp_path))


def test_the_pages_of_a_user(read: Read, tmp_path: Path) -> None:
    (tmp_path / "home/cas/www").mkdir(parents=True)
    site = read(f"UserDir {tmp_path}/home/*/www\nUserDir disabled dirk")[0]
    assert at(site, "/~cas/x") == f"{tmp_path}/home/cas/www/x"
    assert at(site, "/~dirk/x") == "/srv/main/~dirk/x"
    assert at(site, "/~../x") == "/srv/main/~../x"


@pytest.mark.parametrize(
    "block",
    [
        "VirtualDocumentRoot /srv/%1/www",
        "RewriteEngine On\nRewriteMap x txt:/x\nRewriteRule ^/x$ ${x:y}",
        "RewriteEngine On\nRewriteRule ^/x$ /y [N]",
        "RewriteEngine On\nRewriteOptions Inherit\nRewriteRule ^/x$ /y",
        'RewriteEngine On\nRewriteCond expr "true"\nRewriteRule ^/x$ /y',
        "RewriteEngine On\nRewriteCond %{REMOTE_ADDR} =1\nRewriteRule ^/x$ /y [R]\nRewriteRule ^/x$ /z [R]",
        "CheckSpelling On",
        "<Location /x>\nAlias /srv/y\n</Location>",
    ],
)
def test_what_cannot_be_followed_is_said_so(read: Read, block: str) -> None:
    with pytest.raises(UnclearRouteError):
        at(read(block)[0], "/x", "$(x).example")


def test_a_customers_own_file_names_no_other_and_takes_no_time(tmp_path: Path, read: Read) -> None:
    (tmp_path / "www").mkdir()
    (tmp_path / "www/secret").write_text("Redirect /x http://evil.example/")
    block = f"DocumentRoot {tmp_path}/www\n<Directory {tmp_path}/www>\nAllowOverride All\n</Directory>"
    site = read(block)[0]
    (tmp_path / "www/.htaccess").write_text("Include secret\n")
    assert at(site, "/x") == f"{tmp_path}/www/x"
    (tmp_path / "www/.htaccess").write_text("RewriteEngine On\nRewriteRule ^(.*)(.*)(.*)(.*)(.*)\\1[^a]$ /y\n")
    with pytest.raises(UnclearRouteError, match="takes too long"):
        at(site, "/" + "a" * 300 + "b")
    (tmp_path / "www/.htaccess").unlink()
    os.mkfifo(tmp_path / "www/.htaccess")
    with pytest.raises(UnclearRouteError, match="is not a file"):
        at(site, "/x")


def test_an_include_inside_a_host(read: Read, tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts/a.inc").write_text("DocumentRoot /srv/included\nIncludeOptional none/*.inc\n")
    assert at(read("Include parts/a.inc")[0], "/x") == "/srv/included/x"


@pytest.mark.parametrize(
    "moved",
    [
        DUMP.replace("({0}:1)", "({0}:3)"),
        DUMP.replace("({0}:1)", '(macro \'vh\' (defined on line 1 of "{0}") used on line 9 of "{0}":1)'),
        DUMP.replace("{0}", "/nonexistent/gone.conf"),
    ],
    ids=["elsewhere", "macro", "missing"],
)
def test_a_host_that_cannot_be_read_is_its_own_trouble(read: Read, moved: str) -> None:
    first, second, alone = read("", "ServerName second.example", dump=moved)
    assert (first.names, bool(first.trouble)) == (("first.example", "www.first.example"), True)
    assert (second.trouble, alone.trouble, at(second, "/x")) == ("", "", "/srv/main/x")


def test_of_wildcards_inside_one_another_the_first_host_is_taken(read: Read) -> None:
    first, second, _ = read(
        "ServerName first.example\nServerAlias *.a.example",
        "ServerName second.example\nServerAlias *.b.a.example",
    )
    (answering,) = SiteMap([first, second]).named("x.b.a.example")
    assert answering.site.names[0] == "first.example"


def test_names_as_apache_compares_them(read: Read) -> None:
    first, second, _ = read(
        "ServerName first.example\nServerAlias img*.a.example static-?.a.example",
        "ServerName second.example\nServerAlias img7.a.example b.a.example",
        dump=DUMP.replace("is a NameVirtualHost", "is a NameVirtualHost"),
    )
    sites = SiteMap([first, second])
    asked = (
        "img7.a.example",
        "img.a.example",
        "static-x.a.example",
        "static-xy.a.example",
        "b.a.example",
        "xa.example",
    )
    found = {host: [answering.site.names[0] for answering in sites.named(host)] for host in asked}
    assert found == {
        "img7.a.example": ["first.example"],
        "img.a.example": ["first.example"],
        "static-x.a.example": ["first.example"],
        "static-xy.a.example": [],
        "b.a.example": ["second.example"],
        "xa.example": [],
    }


def test_another_programs_output_is_told(read: Read) -> None:
    with pytest.raises(ConfigurationError, match="not what apachectl prints"):
        read("", dump="hello")
