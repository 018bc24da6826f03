"""A daemon carries what its configuration uses: being there must cost little (benchmark P9)."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

_MADE = """
import json, sys
from pathlib import Path
import goodhoster_agent.daemon
from goodhoster.assembly.services import Services
from goodhoster.settings import load
with Services(load(Path(sys.argv[1]))) as services:
    services.make_all()
    goodhoster_agent.daemon.NoticeWork(services.notices, services.settings)
    print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules} | {*sys.modules})))
"""
LISTS = '[[hash_source]]\nkind = "list"\n'
SERVICE = """
[[hash_source]]
kind = "hashcheckservice"
url = "http://127.0.0.1:1/v1/check"
username = "example"
password_file = "password"
"""
NEVER = ["dns", "dkim", "nacl", "imapclient", "aiosmtpd", "jinja2", "xlsxwriter", "rapidfuzz", "stdnum", "pypdf"]
OURS = ["goodhoster_agent.doors.http_server", "goodhoster.customers.importing", "goodhoster.adapters.panels.network"]


def loaded(folder: Path, content: str) -> set[str]:
    (folder / "srv").mkdir(exist_ok=True)
    (folder / "password").touch(0o600)
    (folder / "password").write_text("s3cret")
    file = folder / "goodhoster.toml"
    file.write_text(f'[agent]\nstate_dir = "{folder}/state"\n[[watch]]\npath = "{folder}/srv"\n{content}')
    done = subprocess.run([sys.executable, "-c", _MADE, str(file)], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


@pytest.mark.parametrize(("content", "more"), [(LISTS, ["aiohttp", "asyncio"]), (SERVICE, [])])
def test_a_daemon_that_only_checks_files_carries_nothing_for_notices(
    tmp_path: Path, content: str, more: list[str]
) -> None:
    assert loaded(tmp_path, content).isdisjoint([*NEVER, *OURS, *more])


def test_one_with_a_way_in_for_notices_has_made_everything_before_it_listens(tmp_path: Path) -> None:
    there = loaded(tmp_path, LISTS + '[notices]\nlisten = "127.0.0.1:0"\n')
    assert {"dkim", "dns", "goodhoster_agent.doors.http_server"} <= there
