"""The audit log from the command line: signed, compared, exported, and verified by others without goodhoster."""

import hashlib
import hmac
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.journeys.host import GOODHOSTER, PATIENCE, Host
from tests.waiting import wait_until

KNOWN = b"made-up known content" * 50

# Nothing of goodhoster can be imported, as on a machine without it.
ALONE = """
import runpy, sys
sys.modules["goodhoster"] = sys.modules["goodhoster_agent"] = None
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def with_a_case(host: Host) -> str:
    (host.customers / "anna").mkdir(parents=True, exist_ok=True)
    host.upload("anna/known.png", KNOWN)
    (host.folder / "list").write_text(sha256(KNOWN) + "\n")
    host.run("hashlist", "import", str(host.folder / "list"), "--source", "made-up")
    host.configure(source='[[hash_source]]\nkind = "list"')
    host.run("scan", str(host.customers), "--json", code=1)
    (case,) = host.cases()
    return str(case["id"])


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def alone(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-c", ALONE, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)


def test_what_the_log_says_of_a_case_is_exported_and_verified_without_goodhoster(host: Host) -> None:
    case = with_a_case(host)
    earlier = host.folder / "earlier"
    earlier.write_text(host.run("audit", "checkpoint"))
    key = host.run("audit", "keys").splitlines()[0]
    host.run("cases", "restore", case, "--reason", "made up")
    out = host.folder / "out"
    done = json.loads(host.run("audit", "export", "--case", case, "--to", str(out), "--since", str(earlier), "--json"))
    assert done["entries"] == sum(case in line for line in host.run("audit", "show", "--json").splitlines())
    moved = host.folder / "another machine"
    shutil.move(out, moved)
    verified = alone(moved / "verify.py", moved, "--key", key, "--earlier", earlier)
    assert (verified.returncode, verified.stderr) == (0, ""), verified.stderr
    assert f"{done['entries']} entries are in it, unchanged" in verified.stdout
    entry = min(moved.glob("entries/*.json"))
    assert b"anna" not in entry.read_bytes()
    names = json.loads((moved / "names.json").read_text())
    references = json.loads(entry.read_text())["data"]
    (customer,) = [each for each in names["values"] if each["field"] == "customer"]
    assert (customer["value"], customer["reference"]) == ("anna", references["customer"])
    hashed = hmac.new(bytes.fromhex(names["key"]), b"customer\0anna", hashlib.sha256).hexdigest()[:32]
    assert references["customer"] == f"~{names['key_id']}:{hashed}"
    entry.write_bytes(entry.read_bytes().replace(b"quarantine", b"quarantime"))
    assert alone(moved / "verify.py", moved, "--key", key).returncode == 1
    log = host.folder / "state" / "audit.log"
    assert alone(moved / "verify.py", log, "--earlier", earlier).returncode == 0


@pytest.mark.debian("python3-cryptography", program="/usr/bin/python3")
def test_debians_own_python_verifies_an_export(host: Host) -> None:
    """Another interpreter, an older `cryptography`, and nothing of ours: as whoever is only given the export has it."""
    debian = ["/usr/bin/python3", "-I"]
    if subprocess.run([*debian, "-c", "import cryptography"], capture_output=True, check=False).returncode:
        pytest.skip("apt-get install python3-cryptography")
    assert subprocess.run([*debian, "-c", "import goodhoster"], capture_output=True, check=False).returncode == 1
    case = with_a_case(host)
    earlier, out = host.folder / "earlier", host.folder / "out"
    earlier.write_text(host.run("audit", "checkpoint"))
    host.run("cases", "restore", case, "--reason", "made up")
    key = host.run("audit", "keys").splitlines()[0]
    host.run("audit", "export", "--case", case, "--to", str(out), "--since", str(earlier))
    command = [*debian, str(out / "verify.py"), str(out), "--key", key, "--earlier", str(earlier)]
    verified = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (verified.returncode, verified.stderr) == (0, "")
    assert "entries are in it, unchanged" in verified.stdout
    entry = min(out.glob("entries/*.json"))
    entry.write_bytes(entry.read_bytes().replace(b"quarantine", b"quarantime"))
    assert subprocess.run(command, capture_output=True, timeout=PATIENCE, check=False).returncode == 1


def test_a_rollback_is_found_by_a_checkpoint_that_was_kept(host: Host) -> None:
    with_a_case(host)
    state = host.folder / "state"
    kept = {file: file.read_bytes() for file in state.glob("audit.log*")}
    host.run("hashlist", "remove", "made-up")
    checkpoint = host.folder / "kept"
    checkpoint.write_text(json.loads(host.run("audit", "checkpoint", "--json"))["checkpoint"])
    assert json.loads(host.run("audit", "verify", "--checkpoint", str(checkpoint), "--json"))["ok"]
    for file, content in kept.items():
        file.write_bytes(content)
    (state / "audit.checkpoint").unlink()
    assert json.loads(host.run("audit", "verify", "--json"))["ok"], "this machine alone cannot tell"
    found = json.loads(host.run("audit", "verify", "--checkpoint", str(checkpoint), "--json", code=1))
    assert (found["ok"], found["problem"].split(":")[0]) == (False, "rolled back")
    assert "holds no checkpoint" in host.run("audit", "verify", "--checkpoint", str(host.config), code=2)
    checkpoint.write_text(checkpoint.read_text().replace("\n", "\n1", 1))
    assert "not as it was signed" in host.run("audit", "verify", "--checkpoint", str(checkpoint), code=2)


def test_log_and_tail_gone_while_the_record_has_cases_is_no_whole_log(host: Host) -> None:
    with_a_case(host)
    for file in (host.folder / "state").glob("audit*"):
        file.unlink()
    found = json.loads(host.run("audit", "verify", "--json", code=1))
    assert (found["ok"], found["entries"], found["first_bad"]) == (False, 0, 0)
    assert "the record knows of at least 1" in found["problem"]
    findings = [json.loads(line) for line in host.run("doctor", "--json", code=1).splitlines()]
    (log,) = [each for each in findings if each["what"] == "audit log"]
    assert not log["ok"]
    assert "the record knows" in log["detail"]


def test_what_cannot_be_compared_is_said_and_is_not_whole(host: Host) -> None:
    with_a_case(host)
    host.run("audit", "checkpoint")
    (host.folder / "state" / "audit.checkpoint").write_text("half")
    found = json.loads(host.run("audit", "verify", "--json", code=3))
    assert found["ok"]
    assert "cannot be read" in found["unchecked"][0]


def test_keys_are_changed_and_who_trusts_the_old_ones_follows(host: Host, tmp_path: Path) -> None:
    case = with_a_case(host)
    host.run("audit", "checkpoint")
    old = host.run("audit", "keys").splitlines()[0]
    host.run("audit", "change-keys", "--reason", "the administrator left")
    assert old not in host.run("audit", "keys")
    host.run("audit", "export", "--case", case, "--to", str(tmp_path / "out"))
    assert alone(tmp_path / "out" / "verify.py", tmp_path / "out", "--key", old).returncode == 0


def test_two_hosters_witness_one_another_and_a_rollback_is_an_alarm(host: Host) -> None:
    state, other = host.folder / "state", host.folder / "other.toml"
    host.run("audit", "checkpoint")
    kept = {file: file.read_bytes() for file in kept_files(state)}
    key = host.run("audit", "keys").splitlines()[0]
    other.write_text(f'[agent]\nstate_dir = "other"\n[[watch]]\npath = "customers"\n[witness]\nlogs = ["{key}"]\n')
    command = (*GOODHOSTER, "witness", "serve", "--listen", "127.0.0.1:0", "--config", str(other))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as witness:
        try:
            assert witness.stdout
            url = witness.stdout.readline().split()[1]
            keys = subprocess.run(
                (*GOODHOSTER, "witness", "keys", "--config", str(other)), capture_output=True, check=True
            )
            vkey = keys.stdout.decode().splitlines()[0]
            (host.folder / "policy").write_text(f"log {key}\nwitness w {vkey} {url}\nquorum w\n")
            host.configure(policy='[audit]\nwitnesses = "policy"')
            host.start()
            assert wait_until(lambda: vkey.split("+")[0] in (state / "audit.checkpoint").read_text()), host.journal()
            host.stop()
            for file in kept_files(state):
                file.unlink()
            for file, content in kept.items():
                file.write_bytes(content)  # as it was before: this machine alone cannot tell
            host.start()
            assert wait_until(lambda: "ALARM: the audit log differs from what witnesses have seen" in host.journal()), (
                host.journal()
            )
            host.stop()
        finally:
            witness.terminate()
        assert witness.wait(PATIENCE) == 0


def kept_files(state: Path) -> list[Path]:
    """The log, what is kept beside it, and what knows that it was there."""
    return [*state.glob("audit*"), *state.glob("databases.json"), *state.glob("manifest-copy.json")]
