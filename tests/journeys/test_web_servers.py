"""What a real web server shows for a URL is the file that we would take offline, and nothing else ever is."""

import http.client
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest

from goodhoster.adapters.directories.apache import ApacheDirectory
from goodhoster.adapters.directories.nginx import NginxDirectory
from goodhoster.locating.copies import Copies
from goodhoster.locating.locator import Locator
from goodhoster.locating.serving import Serving
from goodhoster.locating.site_map_cache import SiteMapCache
from goodhoster.locating.tree_resolver import TreeResolver
from goodhoster.model.notices import Location, LocationKind, ReadItem
from goodhoster.ports import Directory
from goodhoster.testing.contents import MemoryContents
from goodhoster.uploads.trees import Tree
from tests.journeys.host import PATIENCE
from tests.ports import free_port

_BROWSER = {"User-Agent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/131.0.0.0 Safari/537.36"}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
FILES = [
    "anna/www/index.html",
    "anna/www/a.jpg",
    "anna/www/a b.jpg",
    "anna/www/caf\u00e9.jpg",
    "anna/www/%61.jpg",
    "anna/www/deep/er/x.png",
    "anna/www/media/hidden.jpg",
    "anna/www/gallery/index.html",
    "anna/www/page.php",
    "anna/media/m.jpg",
    "anna/icons/i.png",
    "anna/fixed/y/one.gif",
    "anna/thumbs/t/small.jpg",
    "bob/www/b.jpg",
    "bob/www/index.html",
    "users/cas/www/c.jpg",
    "users/dirk/www/d.jpg",
    "secret.txt",
]
PATHS = [
    "/", "/a.jpg", "/a.jpg?v=2", "/a%20b.jpg", "/caf%C3%A9.jpg", "/%61.jpg", "/%2561.jpg", "//a.jpg",
    "/./deep/../a.jpg",
    "/deep/er/x.png", "/deep//er/x.png", "/deep", "/deep/", "/media/m.jpg", "/media/hidden.jpg", "/media/none.jpg",
    "/icons/i.png", "/iconsi.png", "/y/one.gif", "/y/two.gif", "/t/small.jpg", "/gallery/", "/gallery/index.html",
    "/none.jpg", "/app/a.jpg", "/old/a.jpg", "/c.jpg", "/d.jpg", "/b.jpg", "/index.html", "/page.php",
    "/media../secret.txt", "/media/..%2f..%2fsecret.txt", "/%2e%2e/secret.txt", "/media/%2e%2e/%2e%2e/secret.txt",
]  # fmt: skip
HOSTS = ["anna.example", "www.anna.example", "x.bob.example", "cas.users.example", "dirk.users.example"]

NGINX = """
daemon off; master_process off; pid {0}/pid; error_log {0}/errors;
events {{}}
http {{
    access_log off; client_body_temp_path {0}/t1; proxy_temp_path {0}/t2; fastcgi_temp_path {0}/t3;
    uwsgi_temp_path {0}/t4; scgi_temp_path {0}/t5;
    root {0}/srv/bob/www;
    include {0}/sites/*.conf;
    server {{
        listen 127.0.0.1:{1};
        server_name ~^(?<user>[a-z]+)\\.users\\.example$;
        root {0}/srv/users/$user/www;
    }}
}}
"""
NGINX_SITES = """
server {{
    listen 127.0.0.1:{1};
    server_name anna.example www.anna.example;
    root {0}/srv/anna/www;
    location /media/ {{ alias {0}/srv/anna/media/; }}
    location ^~ /icons/ {{ root {0}/srv/anna; }}
    location = /y/one.gif {{ root {0}/srv/anna/fixed; }}
    location ~* \\.(gif|ico)$ {{ root {0}/srv/nowhere; }}
    location /t {{ root {0}/srv/anna/thumbs; location ~ \\.jpg$ {{ expires 1d; }} }}
    location /app/ {{ return 204; }}
    location /old/ {{ return 301 /; }}
    location ~ \\.php$ {{ return 204; }}
}}
server {{
    listen 127.0.0.1:{1};
    server_name *.bob.example;
}}
"""
APACHE = """
ServerRoot {0}
ServerName localhost
DocumentRoot {0}/srv/bob/www
Listen 127.0.0.1:{1}
Define SRV {0}/srv
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule alias_module /usr/lib/apache2/modules/mod_alias.so
LoadModule dir_module /usr/lib/apache2/modules/mod_dir.so
LoadModule vhost_alias_module /usr/lib/apache2/modules/mod_vhost_alias.so
User nobody
Group nogroup
DefaultRuntimeDir {0}
Mutex posixsem
ErrorLog {0}/errors
PidFile {0}/pid
Include {0}/sites/*.conf
"""
APACHE_SITES = """
<VirtualHost *:{1}>
  ServerName anna.example
  ServerAlias www.anna.example
  DocumentRoot "${{SRV}}/anna/www"
  Alias /media/ "${{SRV}}/anna/media/"
  <IfModule alias_module>
    Alias /icons \\
      {0}/srv/anna/icons
  </IfModule>
  Alias /y {0}/srv/anna/fixed/y
  Alias /t {0}/srv/anna/thumbs/t
  Redirect permanent /old/ /
  Redirect gone /app/
  RedirectMatch gone \\.php$
</VirtualHost>
<VirtualHost *:{1}>
  ServerName x.bob.example
  ServerAlias *.bob.example
</VirtualHost>
<VirtualHost *:{1}>
  ServerName users.example
  ServerAlias cas.users.example dirk.users.example
  VirtualDocumentRoot {0}/srv/users/%1/www
</VirtualHost>
"""


@contextmanager
def running(argv: list[str], port: int) -> Iterator[None]:
    process = subprocess.Popen(argv)
    try:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except ConnectionRefusedError:
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.02)
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not pytest's own folder: that is closed to others, and Apache's workers are nobody when we are root."""
    with tempfile.TemporaryDirectory(prefix="goodhoster-test-") as made:
        top = Path(made)
        top.chmod(0o755)
        for name in FILES:
            path = top / "srv" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
        (top / "sites").mkdir()
        yield top


def locator(folder: Path, directory: Directory) -> Locator:
    ground = TreeResolver([Tree(os.fsencode(folder / "srv"), None)])
    return Locator(SiteMapCache([directory]), Serving(ground), Copies(ground, MemoryContents()))


def shown(port: int, host: str, path: str, accept: str = "*/*") -> str | None:
    """What a browser gets, redirects followed: the name of the file (it is its content); None when it is no file."""
    url = f"http://{host}:{port}{path}"
    for _ in range(6):
        parts = urlsplit(url)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        try:
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("GET", target, headers={"Host": parts.netloc, "Accept": accept, **_BROWSER})
            answer = connection.getresponse()
            body = answer.read().decode(errors="replace")
        finally:
            connection.close()
        to = answer.getheader("Location")
        if answer.status not in _REDIRECTS or not to:
            return body if answer.status == http.HTTPStatus.OK else None
        url = urljoin(url, to)
    return None


def located(folder: Path, location: Location) -> str | None:
    if location.outcome is not LocationKind.FILE:
        return None
    return str(Path(os.fsdecode(location.files[0].upload.place.absolute)).relative_to(folder / "srv"))


class Comparison:
    """Every URL asked of the server and of us."""

    def __init__(self, folder: Path, directory: Directory, port: int) -> None:
        self.agreed: list[str] = []
        """Shows a file, and we found that one."""
        self.waiting: list[str] = []
        """Shows a file, and we leave it to a person."""
        self.wrong: list[str] = []
        finder = locator(folder, directory)
        for url in (f"{host}:{port}{path}" for host in HOSTS for path in PATHS):
            location = finder.locate(ReadItem((f"http://{url}",)))
            self._note(url, shown(port, *url.split(f":{port}")), located(folder, location), location)

    def _note(self, url: str, really: str | None, ours: str | None, location: Location) -> None:
        if really == ours:
            self.agreed += [url] if really else []
        elif ours is None and location.outcome is LocationKind.AMBIGUOUS:
            self.waiting.append(url)
        else:
            self.wrong.append(f"{url} shows {really}, located {ours} ({location.reason})")


@pytest.mark.debian("nginx-light", program="nginx")
def test_nginx_shows_what_we_locate(folder: Path) -> None:
    port = free_port()
    (folder / "nginx.conf").write_text(NGINX.format(folder, port))
    (folder / "sites/anna.conf").write_text(NGINX_SITES.format(folder, port))
    argv = ["/usr/sbin/nginx", "-c", f"{folder}/nginx.conf", "-e", f"{folder}/errors"]
    with running(argv, port):
        for directory in (NginxDirectory(folder / "nginx.conf"), NginxDirectory(command=[*argv, "-T", "-q"])):
            found = Comparison(folder, directory, port)
            assert found.wrong == found.waiting == []
            assert len(found.agreed) == 43


@pytest.mark.debian("apache2")
def test_apache_shows_what_we_locate(folder: Path) -> None:
    port = free_port()
    (folder / "apache.conf").write_text(APACHE.format(folder, port))
    (folder / "sites/anna.conf").write_text(APACHE_SITES.format(folder, port))
    argv = ["/usr/sbin/apache2", "-f", f"{folder}/apache.conf"]
    with running([*argv, "-DFOREGROUND"], port):
        directory = ApacheDirectory([*argv, "-t", "-D", "DUMP_VHOSTS", "-D", "DUMP_RUN_CFG"])
        found = Comparison(folder, directory, port)
    assert found.wrong == found.waiting == []
    assert len(found.agreed) == 43
