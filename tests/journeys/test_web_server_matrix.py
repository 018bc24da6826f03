"""Made-up configurations by the hundred: what the real web server shows for a URL is what we locate, or a person's."""

import os
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from goodhoster.adapters.directories.apache import ApacheDirectory
from goodhoster.adapters.directories.nginx import NginxDirectory
from goodhoster.locating.copies import Copies
from goodhoster.locating.locator import Locator
from goodhoster.locating.serving import Serving
from goodhoster.locating.site_map_cache import SiteMapCache
from goodhoster.locating.tree_resolver import TreeResolver
from goodhoster.model.notices import FoundBy, Location, LocationKind, ReadItem
from goodhoster.ports import Directory
from goodhoster.testing.contents import MemoryContents
from goodhoster.uploads.trees import Tree
from tests.journeys.test_web_servers import running, shown
from tests.ports import free_port

SITES = 60
FILES = [
    *("a.jpg", "a.jpg.webp", "b.png", "b.webp", "index.html", "404.html", "hot.png", "info.php", "c.txt", "x y.jpg"),
    *("deep/a.jpg", "deep/index.html", "deep/er/a.jpg", "gallery/a.jpg", "media/a.jpg", "media/deep/a.jpg", "t/a.jpg"),
    *("cache/deep/a.jpg.webp", "thumbs/a.jpg", "files/1/a.jpg", "blogs.dir/2/files/a.jpg", "uploads/sites/2/a.jpg"),
    *("index.php", "shop/index.php", "shop/a.jpg", "page.html", "A.JPG", "%61.jpg"),
]
SHOWN = frozenset(name for name in FILES if not name.endswith(".php"))
"""Programs are not run here: the servers give their text away."""
PATHS = [
    *(f"/{name}".replace("%", "%25").replace(" ", "%20") for name in FILES),
    *(
        "/",
        "/deep",
        "/deep/",
        "/gallery/",
        "/none.jpg",
        "/none",
        "/deep/none.jpg",
        "/old/a.jpg",
        "/old/none.jpg",
        "/m/a.jpg",
    ),
    *("/m/deep/a.jpg", "/m", "/m/", "/ma.jpg", "/page", "/two/files/a.jpg", "/two/a.jpg", "/img/a.jpg", "/img/1/a.jpg"),
    *(
        "/a.jpg?x=1",
        "/a.jpg?w=2&id=7",
        "/show?file=a.jpg",
        "//a.jpg",
        "/deep//a.jpg",
        "/%61.jpg",
        "/t/a.jpg/more",
        "/only.jpg",
    ),
    *(
        "/shop",
        "/shop/",
        "/shop/none",
        "/info.php/more",
        "/files/a.jpg",
        "/index",
        "/a",
        "/deep/er",
        "/b.png",
        "/b.jpg",
    ),
]
ACCEPTS = ("image/avif,image/webp,image/png,*/*;q=0.8", "text/html,image/png,*/*;q=0.8")

NGINX = """
daemon off; master_process off; pid {0}/pid; error_log {0}/errors;
events {{}}
http {{
    access_log off; client_body_temp_path {0}/t1; proxy_temp_path {0}/t2; fastcgi_temp_path {0}/t3;
    uwsgi_temp_path {0}/t4; scgi_temp_path {0}/t5;
    types {{ text/html html; image/jpeg jpg; image/webp webp; image/png png; }}
    map $http_accept $webp {{ default ""; "~*webp" ".webp"; }}
    map $uri $moved {{ default ""; /old/a.jpg /deep/a.jpg; ~^/img/(?<id>\\d)/ /files/$id/a.jpg; }}
    map $args $kind {{ default other; "x=1" one; }}
    {2}
}}
"""
_HANDED = "fastcgi_pass 127.0.0.1:1;"
NGINX_PARTS = [
    "location / {{ try_files $uri $uri/ /index.php?$args; }}",
    "location / {{ try_files $uri /deep$uri =404; }}",
    "location / {{ try_files $uri$webp $uri @old; }}",
    "location / {{ try_files /cache$uri$webp $uri $uri.html $uri/ =404; }}",
    "location / {{ rewrite ^/page$ /page.html last; rewrite ^/two/(.*)$ /blogs.dir/2/$1 break; }}",
    "location / {{ index nothing.html deep/index.html index.html; }}",
    "location / {{ root {0}/srv/other; try_files $uri $document_root/none /page.html; }}",
    "location @old {{ rewrite ^/(.*)$ /media/$1 break; }}",
    "location ~* \\.(jpe?g|png)$ {{ expires 1d; }}",
    "location ~* \\.(jpg|png)$ {{ add_header Vary Accept; try_files $uri$webp $uri =404; }}",
    "location ~* ^(?<base>.+)\\.png$ {{ try_files $base$webp $uri =404; }}",
    "location ~ \\.jpg$ {{ root {0}/srv/other; }}",
    "location ~ ^/img/(.+)$ {{ alias {1}/$1; }}",
    "location ~ ^/only\\.jpg$ {{ alias {1}/a.jpg; }}",
    "location = /only.jpg {{ alias {1}/b.png; }}",
    "location = /a.jpg {{ root {0}/srv/other; }}",
    "location = / {{ return 302 /page.html; }}",
    "location /m/ {{ alias {1}/media/; }}",
    "location /m {{ alias {1}/media; }}",
    "location /m/ {{ alias {1}/media/; try_files $uri $uri/ =404; }}",
    "location ^~ /deep/ {{ root {1}; location ~ \\.jpg$ {{ root {0}/srv/other; }} }}",
    "location /deep {{ location /deep/er {{ return 403; }} location ~ a\\.jpg$ {{ expires 1d; }} }}",
    "location /t/ {{ internal; }}",
    "location /gallery/ {{ autoindex on; }}",
    "location /old/ {{ return 301 /deep/a.jpg?$args; }}",
    "location /old/ {{ rewrite ^/old/(.*)$ /deep/$1 permanent; }}",
    "location /old {{ rewrite ^/old/(.*)$ /files/1/$1; }}",
    "location /show {{ rewrite ^ /$arg_file? last; }}",
    "location /shop/ {{ try_files $uri $uri/ /shop/index.php; }}",
    "location /two/ {{ error_page 404 = /media/a.jpg; }}",
    "location /files/ {{ error_page 404 =200 /b.png; }}",
    "location ~ \\.php$ {{ try_files $uri =404; " + _HANDED + " }}",
    "location ~ \\.php(/|$) {{ fastcgi_split_path_info ^(.+\\.php)(/.*)$; " + _HANDED + " }}",
    "error_page 404 /404.html;",
    "error_page 404 /index.php;",
    "error_page 404 @old;",
    "if ($arg_w) {{ rewrite ^ /hot.png break; }}",
    "if ($kind = one) {{ rewrite ^/a\\.jpg$ /b.png; }}",
    "if ($moved) {{ rewrite ^ $moved last; }}",
    "if (!-e $request_filename) {{ rewrite ^/none(.*)$ /deep/a$1; }}",
    "if (-f $document_root/media$uri) {{ rewrite ^(.*)$ /media$1; }}",
    "if ($http_user_agent ~* (curl|wget)) {{ return 403; }}",
    "if ($cookie_seen) {{ return 302 /page.html; }}",
    "if ($remote_addr = 192.0.2.1) {{ return 404; }}",
    "if ($remote_addr != 192.0.2.1) {{ set $where elsewhere; }}",
    "if ($request_method = POST) {{ return 405; }}",
    "valid_referers none blocked *.example; if ($invalid_referer) {{ rewrite ^ /hot.png; }}",
    "rewrite ^/two/files/(.*)$ /blogs.dir/2/files/$1;",
    "rewrite ^/two/(.*)$ /uploads/sites/2/$1 last;",
    "rewrite ^/shop/none$ /shop/a.jpg break;",
    "rewrite ^/page$ /page.html redirect;",
    "index index.php index.html;",
    "set $place media; rewrite ^/t/(.*)$ /$place/$1;",
    "root {0}/srv/other;",
]


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not pytest's own folder: that is closed to others, and Apache's workers are nobody when we are root."""
    with tempfile.TemporaryDirectory(prefix="goodhoster-test-") as made:
        top = Path(made)
        top.chmod(0o755)
        for site in (*(f"s{n}" for n in range(SITES)), "other"):
            for name in FILES:
                path = top / "srv" / site / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(str(path.relative_to(top / "srv")))
        yield top


class Comparison:
    """Every URL asked of the server and of us."""

    def __init__(self, folder: Path, directory: Directory, port: int, hosts: list[str]) -> None:
        self.agreed = 0
        self.waiting: list[str] = []
        self.wrong: list[str] = []
        resolver = TreeResolver([Tree(os.fsencode(folder / "srv"), None)])
        self.locator = Locator(SiteMapCache([directory]), Serving(resolver), Copies(resolver, MemoryContents()))
        for host in hosts:
            for path in PATHS:
                url = f"http://{host}:{port}{path}"
                names = {shown(port, host, path, accept) for accept in ACCEPTS}
                really = {name for name in names if name and name.partition("/")[2] in SHOWN}
                self._note(folder, url, really, self.locator.locate(ReadItem((url,))))

    def _note(self, folder: Path, url: str, really: set[str], location: Location) -> None:
        ours = {
            os.path.relpath(os.fsdecode(file.upload.place.absolute), folder / "srv")
            for file in location.files
            if file.found_by is FoundBy.URL
        }
        if location.outcome is LocationKind.AMBIGUOUS:
            self.waiting += [f"{url} shows {sorted(really)}: {location.reason} {location.detail}"] if really else []
        elif really == ours:
            self.agreed += bool(really)
        else:
            self.wrong.append(f"{url} shows {sorted(really)}, located {sorted(ours)} ({location.reason})")


APACHE = """
ServerRoot {0}
ServerName localhost
Listen 127.0.0.1:{1}
{2}
User nobody
Group nogroup
DefaultRuntimeDir {0}
Mutex posixsem
ErrorLog {0}/errors
PidFile {0}/pid
TypesConfig /etc/mime.types
AddType image/webp .webp
Alias /img {0}/srv/other/media
<Directory /srv>
  AllowOverride None
</Directory>
<Directory {0}/srv>
  Options FollowSymLinks
  AllowOverride All
</Directory>
{3}
"""
MODULES = [
    "mpm_event",
    "authz_core",
    "alias",
    "dir",
    "rewrite",
    "negotiation",
    "mime",
    "vhost_alias",
    "userdir",
    "setenvif",
    "macro",
    "env",
    "proxy",
    "proxy_fcgi",
    "status",
]
APACHE_PARTS = [
    "Alias /m {1}/media",
    "Alias /m/ {1}/media/",
    "Alias /old/a.jpg {1}/b.png",
    "AliasMatch ^/two/(.*)\\.jpg$ {1}/media/$1.jpg",
    "Redirect permanent /old /deep",
    "Redirect gone /gallery/",
    "RedirectMatch ^/page$ /page.html",
    "RewriteEngine On\nRewriteRule ^/two/files/(.*)$ /blogs.dir/2/files/$1",
    "RewriteEngine On\nRewriteRule ^/old/(.*)$ /m/$1 [PT]\nRewriteRule ^/page$ /page.html [R=301,L]",
    "RewriteEngine On\nRewriteRule ^/shop/none$ {1}/shop/a.jpg [L]",
    "RewriteEngine On\nRewriteCond %{QUERY_STRING} w=(\\d)\nRewriteRule ^/a\\.jpg$ /files/1/a.jpg?",
    "RewriteEngine On\nRewriteCond %{DOCUMENT_ROOT}%{REQUEST_URI} !-f\nRewriteRule ^/none\\.(.*)$ /a.$1 [NC]",
    "<Directory {1}/deep>\nDirectoryIndex a.jpg\n</Directory>",
    "<Directory {1}>\nAllowOverride None\n</Directory>",
    "<Location /t>\nSetHandler server-status\n</Location>",
    "<FilesMatch \\.txt$>\nSetHandler proxy:fcgi://127.0.0.1:1\n</FilesMatch>",
    "ErrorDocument 404 /404.html",
    "ErrorDocument 404 /index.php",
    "DirectoryIndex nothing.html page.html",
    "FallbackResource /index.php",
    "FallbackResource /b.png",
    "UserDir {0}/srv/*/gallery",
    "DocumentRoot {0}/srv/other",
]
WORDPRESS = r"""RewriteEngine On
RewriteBase /
RewriteRule ^index\.php$ - [L]
RewriteCond %{REQUEST_FILENAME} !-f
RewriteCond %{REQUEST_FILENAME} !-d
RewriteRule . /index.php [L]"""
WEBP = r"""RewriteEngine On
RewriteCond %{HTTP_ACCEPT} image/webp
RewriteCond %{REQUEST_FILENAME} (.*)\.(jpe?g|png)$
RewriteCond %{REQUEST_FILENAME}.webp -f
RewriteRule (.+)\.(jpe?g|png)$ $1.$2.webp [T=image/webp,E=accept:1]"""
MULTISITE = r"""RewriteEngine On
RewriteRule ^([_0-9a-zA-Z-]+/)?files/(.+) uploads/sites/2/$2 [L]
RewriteCond %{REQUEST_FILENAME} -f [OR]
RewriteCond %{REQUEST_FILENAME} -d
RewriteRule ^ - [L]
RewriteRule ^([_0-9a-zA-Z-]+/)?(.*\.jpg)$ $2 [L]"""
WITHOUT_WWW = r"""RewriteEngine On
RewriteCond %{HTTPS} off
RewriteCond %{HTTP_HOST} ^www\.(.*)$ [NC]
RewriteRule ^ http://%1/ [R,L]"""
HTACCESS = {
    "": [
        *(WORDPRESS, WEBP, MULTISITE, WITHOUT_WWW),
        "RewriteEngine On\nRewriteCond %{HTTP_REFERER} !^$\nRewriteRule \\.(jpg|png)$ /hot.png [NC,L]",
        "RewriteEngine On\nRewriteRule ^two/(.*)$ blogs.dir/2/$1 [L]\nRewriteRule ^page$ page.html [END]",
        "RewriteEngine On\nRewriteCond %{REQUEST_URI} ^/m/\nRewriteRule ^(.*)$ - [F]",
        "RewriteEngine On\nRewriteCond %{REMOTE_ADDR} =192.0.2.1\nRewriteRule ^ - [F]",
        "RewriteEngine On\nRewriteCond %{REMOTE_ADDR} =192.0.2.1\nRewriteRule ^a\\.jpg$ /b.png [L]",
        "RewriteEngine On\nRewriteCond %{THE_REQUEST} \\s/index\\.html\nRewriteRule ^index\\.html$ / [R=302,L]",
        "Redirect 302 /old/a.jpg /b.png",
        "RedirectMatch 301 ^/old/(.*) /deep/$1",
        "Options +MultiViews",
        "DirectoryIndex page.html",
        "FallbackResource /b.png",
        "AddHandler proxy:fcgi://127.0.0.1:1 .png",
        "<Files c.txt>\nSetHandler proxy:fcgi://127.0.0.1:1\n</Files>",
        "ErrorDocument 404 /404.html",
        "DirectoryIndex disabled",
    ],
    "deep": [
        "RewriteEngine On\nRewriteRule ^none\\.jpg$ a.jpg [L]",
        "RewriteEngine Off",
        "DirectoryIndex a.jpg index.html",
        "RewriteEngine On\nRewriteRule ^er/a\\.jpg$ ../../c.txt",
        "Options +MultiViews\nFallbackResource /a.jpg",
    ],
    "media": ["RewriteEngine On\nRewriteRule ^a\\.jpg$ deep/a.jpg [L]", "Redirect /m/a.jpg /b.png"],
}


def told(found: Comparison, blocks: dict[str, str]) -> str:
    """The first wrong one of each configuration, with that."""
    firsts = {line.split("/")[2].partition(":")[0]: line for line in reversed(found.wrong)}
    return "\n".join(f"{line}\n{blocks[host]}" for host, line in firsts.items()) + f"\n{found.waiting[:10]}"


def made(parts: list[str], chance: random.Random, most: int) -> list[str]:
    """Some of the parts, but no two of which a server would say that they are the same."""
    chosen = {
        part.partition("{")[0] if part.startswith(("location", "root", "index")) else part: part
        for part in chance.sample(parts, chance.randrange(1, most))
    }
    return list(chosen.values())


def filled(text: str, top: Path, number: int) -> str:
    """A part with the folders of its site."""
    return text.replace("{0}", str(top)).replace("{1}", f"{top}/srv/s{number}")


@pytest.mark.debian("nginx-light", program="nginx")
def test_nginx_shows_what_we_locate(folder: Path) -> None:
    port, chance = free_port(), random.Random(17)
    blocks = {}
    for number in range(SITES):
        parts = made(NGINX_PARTS, chance, 9)
        text = "\n".join(parts).format(folder, f"{folder}/srv/s{number}")
        root = "" if "root {0}/srv/other;" in parts else f"root {folder}/srv/s{number};"
        listen = f"listen 127.0.0.1:{port}; server_name s{number}.example;"
        blocks[f"s{number}.example"] = f"server {{ {listen} {root}\n{text}\n}}"
    (folder / "nginx.conf").write_text(NGINX.format(folder, port, "\n".join(blocks.values())))
    argv = ["/usr/sbin/nginx", "-c", f"{folder}/nginx.conf", "-e", f"{folder}/errors"]
    with running(argv, port):
        found = Comparison(folder, NginxDirectory(folder / "nginx.conf"), port, list(blocks))
    assert found.wrong == [], told(found, blocks)
    assert found.agreed > 10 * len(found.waiting), told(found, blocks)


@pytest.mark.debian("apache2")
def test_apache_shows_what_we_locate(folder: Path) -> None:
    port, chance = free_port(), random.Random(17)
    blocks = {}
    for number in range(SITES):
        block = filled("\n".join(made(APACHE_PARTS, chance, 5)), folder, number)
        root = "" if "DocumentRoot" in block else f"DocumentRoot {folder}/srv/s{number}"
        site = [f"<VirtualHost *:{port}>\nServerName s{number}.example\n{root}\n{block}\n</VirtualHost>"]
        for place, parts in HTACCESS.items():
            text = filled(chance.choice(["", *parts]), folder, number)
            if text:
                (folder / f"srv/s{number}" / place / ".htaccess").write_text(text + "\n")
                site.append(f"{place}/.htaccess:\n{text}")
        blocks[f"s{number}.example"] = "\n".join(site)
    modules = "\n".join(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so" for name in MODULES)
    hosts = "\n".join(block.partition("</VirtualHost>")[0] + "</VirtualHost>" for block in blocks.values())
    (folder / "apache.conf").write_text(APACHE.format(folder, port, modules, hosts))
    argv = ["/usr/sbin/apache2", "-f", f"{folder}/apache.conf"]
    dumps = ("DUMP_VHOSTS", "DUMP_RUN_CFG", "DUMP_INCLUDES", "DUMP_MODULES")
    with running([*argv, "-DFOREGROUND"], port):
        directory = ApacheDirectory([*argv, "-t", *(word for dump in dumps for word in ("-D", dump))])
        found = Comparison(folder, directory, port, list(blocks))
    assert found.wrong == [], told(found, blocks)
    assert found.agreed > 10 * len(found.waiting), told(found, blocks)
