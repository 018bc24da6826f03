"""Every directory of sites keeps the promises of the port."""

import os
from pathlib import Path

import pytest

from goodhoster.adapters.directories.apache import ApacheDirectory
from goodhoster.adapters.directories.memory import MemoryDirectory
from goodhoster.adapters.directories.nginx import NginxDirectory
from goodhoster.adapters.directories.site_list import ListedDirectory
from goodhoster.model.notices import Matching, PathRoute, Site
from goodhoster.ports import Directory
from goodhoster.testing.suites.directory import DirectorySuite

NGINX = """
events {{}}
http {{
    client_body_temp_path {0}/t1; proxy_temp_path {0}/t2; fastcgi_temp_path {0}/t3;
    uwsgi_temp_path {0}/t4; scgi_temp_path {0}/t5; access_log off;
    server {{
        listen 8080;
        server_name anna.example www.anna.example;
        root {0}/anna/www;
        location /media/ {{ alias {0}/anna/media/; }}
    }}
    include {0}/bob.conf;
}}
"""
BOB = "server {{ listen 8080; server_name bob.example; root {0}/bob/www; }}\n"
APACHE = """
ServerRoot {0}
ServerName localhost
DocumentRoot {0}
Listen 127.0.0.1:8080
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule alias_module /usr/lib/apache2/modules/mod_alias.so
ErrorLog {0}/errors
PidFile {0}/pid
<VirtualHost *:8080>
  ServerName anna.example
  ServerAlias www.anna.example
  DocumentRoot "{0}/anna/www"
  Alias /media {0}/anna/media
</VirtualHost>
<VirtualHost *:8080>
  ServerName bob.example
  DocumentRoot {0}/bob/www
</VirtualHost>
"""


class TestMemory(DirectorySuite):
    @pytest.fixture
    def directory(self, tmp_path: Path) -> Directory:
        def root(name: str, prefix: str = "/") -> PathRoute:
            return PathRoute(Matching.PREFIX, prefix, os.fsencode(tmp_path / name) + b"/", replaces=True)

        anna = Site("anna", ("anna.example", "www.anna.example"), (root("anna/www"), root("anna/media", "/media/")))
        return MemoryDirectory([anna, Site("bob", ("bob.example",), (root("bob/www"),))])


class TestTomlList(DirectorySuite):
    @pytest.fixture
    def directory(self, tmp_path: Path) -> Directory:
        file = tmp_path / "sites.toml"
        file.write_text(
            f"""[[site]]
            customer = "anna"
            names = ["Anna.example.", "www.anna.example"]
            docroot = "{tmp_path}/anna/www"
            aliases = {{ "/media" = "{tmp_path}/anna/media" }}
            [[site]]
            customer = "bob"
            names = ["bob.example"]
            docroot = "{tmp_path}/bob/www"
            """
        )
        return ListedDirectory(file)


class TestNginxFiles(DirectorySuite):
    @pytest.fixture
    def directory(self, tmp_path: Path) -> Directory:
        (tmp_path / "nginx.conf").write_text(NGINX.format(tmp_path))
        (tmp_path / "bob.conf").write_text(BOB.format(tmp_path))
        return NginxDirectory(tmp_path / "nginx.conf")


@pytest.mark.debian("nginx-light", program="nginx")
class TestNginxDump(DirectorySuite):
    @pytest.fixture
    def directory(self, tmp_path: Path) -> Directory:
        self.lay_out(tmp_path)
        own = f"pid {tmp_path}/pid; error_log {tmp_path}/errors;"
        (tmp_path / "nginx.conf").write_text(own + NGINX.format(tmp_path))
        (tmp_path / "bob.conf").write_text(BOB.format(tmp_path))
        argv = ["/usr/sbin/nginx", "-T", "-q", "-c", f"{tmp_path}/nginx.conf", "-e", f"{tmp_path}/errors"]
        return NginxDirectory(command=argv)


@pytest.mark.debian("apache2")
class TestApache(DirectorySuite):
    @pytest.fixture
    def directory(self, tmp_path: Path) -> Directory:
        self.lay_out(tmp_path)
        (tmp_path / "apache.conf").write_text(APACHE.format(tmp_path))
        dump = ["-t", "-D", "DUMP_VHOSTS", "-D", "DUMP_RUN_CFG"]
        return ApacheDirectory(["/usr/sbin/apache2", "-f", f"{tmp_path}/apache.conf", *dump])
