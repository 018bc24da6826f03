"""A real WordPress on this machine, with MariaDB and PHP's own server, for tests of the plugin."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.conftest import PROGRAM_PATH
from tests.ports import free_port
from tests.webprojects import PLUGINS, wait_for

WORDPRESS = Path(os.environ.get("GOODHOSTER_WORDPRESS", "/usr/share/wordpress"))
"""The files of WordPress; Debian's where nothing else is named."""
ADMIN, PASSWORD = "admin", "made up, and long enough"

_CONFIG = """<?php
define('DB_NAME', '{name}'); define('DB_USER', 'root'); define('DB_PASSWORD', '');
define('DB_HOST', 'localhost:{socket}');
define('DB_CHARSET', 'utf8mb4'); define('DB_COLLATE', '');
foreach (['AUTH', 'SECURE_AUTH', 'LOGGED_IN', 'NONCE'] as $key) {{
    define($key . '_KEY', 'made up'); define($key . '_SALT', 'made up');
}}
define('WP_DEBUG', true); define('WP_DEBUG_DISPLAY', false); define('WP_DEBUG_LOG', '{log}');
define('WP_ENVIRONMENT_TYPE', 'local'); define('WP_HTTP_BLOCK_EXTERNAL', true); define('DISABLE_WP_CRON', true);
define('WP_AUTO_UPDATE_CORE', false); define('WP_SITEURL', '{url}'); define('WP_HOME', '{url}');
{more}
$table_prefix = 'wp_';
if (!defined('ABSPATH')) {{ define('ABSPATH', __DIR__ . '/'); }}
require_once ABSPATH . 'wp-settings.php';
"""
_INSTALL = """
define('WP_INSTALLING', true);
require 'wp-load.php';
require 'wp-admin/includes/upgrade.php';
wp_install('Made up', '{admin}', 'admin@example.org', true, '', '{password}');
"""
_ROUTER = """<?php
$_SERVER['HTTPS'] = '';
$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
if (is_file(__DIR__ . $path)) { return false; }
require __DIR__ . '/index.php';
"""


class Database:
    """MariaDB on a Unix socket, with a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "mariadb.sock"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        program = Path(shutil.which("mariadbd", path=PROGRAM_PATH) or "mariadbd")
        base = program.parent.parent
        common: list[str] = [
            f"--basedir={base}",
            f"--datadir={self._folder}/data",
            f"--lc-messages-dir={base}/share/mysql",
        ]
        if os.getuid() == 0:
            common.append("--user=root")
        (self._folder / "data").mkdir()
        # Without grants it needs no system tables either, and is there in a second.
        serving = [
            str(program),
            "--no-defaults",
            *common,
            f"--socket={self.socket}",
            "--skip-networking",
            "--skip-grant-tables",
        ]
        serving += [
            f"--pid-file={self._folder}/pid",
            "--innodb-buffer-pool-size=32M",
            "--innodb-flush-log-at-trx-commit=0",
        ]
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(serving, stdout=log, stderr=log)
        until = time.monotonic() + 300
        while not self.socket.exists() and self._process.poll() is None and time.monotonic() < until:
            time.sleep(0.1)
        assert self.socket.exists(), (self._folder / "log").read_text()[-2000:]

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(120)


@dataclass
class Site:
    """A site, served on loopback."""

    folder: Path
    url: str
    database: Database

    @property
    def log(self) -> str:
        path = self.folder.parent / "debug.log"
        return path.read_text() if path.exists() else ""

    def php(self, code: str, *, load: str = "require 'wp-load.php';") -> str:
        """What PHP prints within the site."""
        # Given on standard input, a script has no path, and WordPress takes the current folder.
        head = "$_SERVER['HTTP_HOST'] = 'localhost'; $_SERVER['REQUEST_METHOD'] = 'GET'; error_reporting(E_ALL);"
        done = subprocess.run(
            ["php", "-d", "display_errors=stderr"],
            input=f"<?php {head} {load} {code}",
            cwd=self.folder,
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def configure(self, **settings: object) -> None:
        """Set the plugin's settings."""
        given = json.dumps(settings)
        self.php(f"exit(Goodhoster\\Settings::save(json_decode({_quoted(given)}, true)) ? 1 : 0);")

    def stored(self) -> dict[str, bytes]:
        """The files of the upload folder."""
        uploads = self.folder / "wp-content/uploads"
        return {str(path.relative_to(uploads)): path.read_bytes() for path in uploads.rglob("*") if path.is_file()}

    def client(self) -> httpx.Client:
        """A client that is signed in as the administrator, with the cookie and nonce of the editor."""
        client = httpx.Client(base_url=self.url, timeout=120, follow_redirects=True)
        client.cookies.set("wordpress_test_cookie", "WP%20Cookie%20check")
        client.post("/wp-login.php", data={"log": ADMIN, "pwd": PASSWORD, "testcookie": "1"})
        client.headers["X-WP-Nonce"] = client.get("/wp-admin/admin-ajax.php?action=rest-nonce").text
        return client


@contextmanager
def serving_wordpress(folder: Path, more: str = "", install: str = "") -> Iterator[Site]:
    """A new site with the plugin active; its database and server end with the block."""
    database = Database(_made(folder / "database"))
    database.start()
    try:
        port = free_port()
        site = Site(folder / "site", f"http://localhost:{port}", database)
        shutil.copytree(WORDPRESS, site.folder, ignore=_dangling)
        shutil.copytree(PLUGINS / "wordpress/goodhoster", site.folder / "wp-content/plugins/goodhoster")
        (site.folder / "wp-content/uploads").mkdir(exist_ok=True)
        (site.folder / "router.php").write_text(_ROUTER)
        _install(site, folder, more, install)
        with (folder / "server.log").open("wb") as log:
            server = subprocess.Popen(
                [
                    "php",
                    "-d",
                    "upload_max_filesize=64M",
                    "-d",
                    "post_max_size=64M",
                    "-S",
                    f"localhost:{port}",
                    "router.php",
                ],
                cwd=site.folder,
                env={**os.environ, "PHP_CLI_SERVER_WORKERS": "3"},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            wait_for(port, server)
            yield site
        finally:
            os.killpg(server.pid, 15)
            server.wait(120)
    finally:
        database.stop()


def _install(site: Site, folder: Path, more: str, install: str) -> None:
    values = {"socket": site.database.socket, "url": site.url, "log": folder / "debug.log"}
    (site.folder / "wp-config.php").write_text(_CONFIG.format(name="wordpress", more="", **values))
    create = (
        "mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);"
        f"$db = new mysqli('localhost', 'root', '', '', 0, '{site.database.socket}');"
        "$db->query('create database wordpress');"
    )
    site.php(create, load="")
    site.php(_INSTALL.format(admin=ADMIN, password=PASSWORD) + install, load="")
    (site.folder / "wp-config.php").write_text(_CONFIG.format(name="wordpress", more=more, **values))
    site.php(
        "require_once ABSPATH . 'wp-admin/includes/plugin.php';"
        "exit(is_wp_error(activate_plugin('goodhoster/goodhoster.php', '', is_multisite())) ? 1 : 0);"
    )


def _dangling(folder: str, names: list[str]) -> list[str]:
    """Links that lead nowhere. (`ignore_dangling_symlinks` takes relative ones for such.)"""
    return [name for name in names if not (Path(folder) / name).exists()]


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
