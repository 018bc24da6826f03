"""What docs/how-to-applications.md shows is run as it stands there, against a door."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from goodhoster.model.cases import CaseState
from tests.apidoor import CLEAR, KNOWN, ApiHost, opened

PAGE = (Path(__file__).parents[4] / "docs" / "how-to-applications.md").read_text()


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiHost]:
    with opened(tmp_path_factory.mktemp("host")) as host:
        yield host


def ask(address: str, token: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "GOODHOSTER_API": address, "GOODHOSTER_API_TOKEN": token}
    command = [sys.executable, "-m", "goodhoster.client", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_the_command_tells_by_its_exit_code(host: ApiHost, tmp_path: Path) -> None:
    (tmp_path / "known.png").write_bytes(KNOWN)
    (tmp_path / "clear.png").write_bytes(CLEAR)
    known = ask(host.address, host.secret, "--customer", "anna", "--name", "me.png", str(tmp_path / "known.png"))
    assert (known.returncode, known.stdout.split()[:2]) == (1, ["known", "refuse"])
    case = host.cases()[-1]
    assert (case.state, case.upload.customer, str(case.upload.place)) == (CaseState.REFUSED, "anna", "me.png")
    assert case.measures[0].detail.endswith("the application says: refused")
    assert ask(host.address, host.secret, str(tmp_path / "clear.png")).returncode == 0


def test_the_command_where_nothing_can_be_checked(host: ApiHost, tmp_path: Path) -> None:
    (tmp_path / "clear.png").write_bytes(CLEAR)
    nobody = f"unix:{tmp_path}/nobody.sock"
    assert ask(nobody, "", str(tmp_path / "clear.png")).returncode == 3
    assert ask(nobody, "", "--on-unchecked", "open", str(tmp_path / "clear.png")).returncode == 0
    assert ask(nobody, "", "--on-unchecked", "closed", str(tmp_path / "clear.png")).returncode == 1
    assert ask(host.address, host.secret, str(tmp_path / "missing.png")).returncode == 3
    assert ask("http://example.org:80", "", str(tmp_path / "clear.png")).returncode == 2
    assert ask(host.address, "", "--token-file", "/nowhere", str(tmp_path / "clear.png")).returncode == 2


MEDIAWIKI = r"""
define('AV_NO_VIRUS', 0); define('AV_VIRUS_FOUND', 1); define('AV_SCAN_ABORTED', -1); define('AV_SCAN_FAILED', false);
SETTINGS
// As MediaWiki's UploadBase::detectVirus makes of the command, the exit code and the map.
$setup = $wgAntivirusSetup[$wgAntivirus];
$command = str_replace('%f', escapeshellarg($argv[1]), $setup['command']);
exec("$command 2>&1", $output, $code);
$map = $setup['codemap'];
$found = array_key_exists($code, $map) ? $map[$code] : ($map['*'] ?? null);
$passed = $found === AV_NO_VIRUS || ($found !== AV_VIRUS_FOUND && !$wgAntivirusRequired);
echo $passed ? 'stored' : ($found === AV_VIRUS_FOUND ? 'refused' : 'not checked');
"""


@pytest.mark.debian("php-cli", program="php")
@pytest.mark.parametrize(
    ("content", "away", "expected"), [(KNOWN, False, "refused"), (CLEAR, False, "stored"), (CLEAR, True, "not checked")]
)
def test_the_settings_of_mediawiki(content: bytes, away: bool, expected: str, host: ApiHost, tmp_path: Path) -> None:  # noqa: FBT001
    settings = re.search(r"```php\n(\$wgAntivirus .*?)```", PAGE, re.DOTALL)
    assert settings
    token, file = tmp_path / "token", tmp_path / "a file.png"
    token.write_text(f"{host.secret}\n")
    file.write_bytes(content)
    text = settings[1].replace("/etc/mediawiki/goodhoster.token", str(token)).replace("python3", sys.executable)
    script = tmp_path / "detect.php"
    script.write_text("<?php\n" + MEDIAWIKI.replace("SETTINGS", text))
    environment = {**os.environ, "GOODHOSTER_API": f"unix:{tmp_path}/nobody.sock" if away else host.address}
    ended = subprocess.run(["php", str(script), str(file)], env=environment, capture_output=True, text=True, check=True)
    assert ended.stdout == expected


HOOK = r"""
class Hooks { public static $handlers = []; }
$wgHooks = [];
SETTINGS
class Upload { function __construct(private $p) {} function getTempPath() { return $this->p; }
    function getLocalFile() { return null; } function getTitle() { return null; } }
$error = true;
foreach ($wgHooks['UploadVerifyFile'] as $hook) { $hook(new Upload($argv[1]), 'image/png', $error); }
echo $error === true ? 'stored' : 'refused ' . $error[0];
"""


@pytest.mark.debian("php-curl", program="php")
@pytest.mark.parametrize(
    ("content", "away", "expected"),
    [
        (KNOWN, False, "refused goodhoster-refused"),
        (CLEAR, False, "stored"),
        (CLEAR, True, "refused goodhoster-unchecked"),
    ],
)
def test_the_hook_of_mediawiki(content: bytes, away: bool, expected: str, host: ApiHost, tmp_path: Path) -> None:  # noqa: FBT001
    hook = re.search(r"```php\n(\$wgHooks.*?)```", PAGE, re.DOTALL)
    assert hook
    token, file = tmp_path / "token", tmp_path / "a file.png"
    token.write_text(f"{host.secret}\n")
    file.write_bytes(content)
    socket = tmp_path / "nobody.sock" if away else host.socket
    text = (
        hook[1].replace("/etc/mediawiki/goodhoster.token", str(token)).replace("/run/goodhoster/api.sock", str(socket))
    )
    script = tmp_path / "hook.php"
    script.write_text("<?php\n" + HOOK.replace("SETTINGS", text))
    ended = subprocess.run(["php", str(script), str(file)], capture_output=True, text=True, check=True)
    assert ended.stdout == expected
