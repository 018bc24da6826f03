"""The command line as an administrator and a black-box check use it."""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from goodhoster.testing.pictures import made_up_picture
from tests.journeys.host import GOODHOSTER, Host, look_at_all, sha1_of, wait_until

KNOWN, CLEAR = made_up_picture(1), made_up_picture(2)


def test_check_says_each_verdict_and_moves_nothing(host: Host, tmp_path: Path) -> None:
    host.service.known = {sha1_of(KNOWN)}
    known, clear = host.upload("anna/known.txt", KNOWN), host.upload("anna/clear.png", CLEAR)
    assert json.loads(host.run("check", str(clear), "--json")) == {
        "path": str(clear),
        "verdict": "clear",
        "matches": [],
        "reason": "",
        "pixels": [96, 96],
        "answered": [{"source": "hashcheckservice", "version": "", "share": 100}],
    }
    answer = json.loads(host.run("check", str(known), "--json", code=1))
    assert answer["verdict"] == "known"
    assert answer["matches"][0] | {"distance": 0} == answer["matches"][0]
    assert answer["matches"][0]["source"] == "hashcheckservice"
    assert answer["matches"][0]["algorithm"] == "sha1"
    both = host.run("check", str(known), str(clear), code=1).splitlines()
    assert [line.split()[0] for line in both] == ["known", "clear"]
    missing = json.loads(host.run("check", str(tmp_path / "nothing"), "--json", code=3))
    assert missing["verdict"] == "unchecked"
    assert known.exists()


def test_a_name_that_is_no_text_is_exact_in_json_and_one_line_for_people(host: Host) -> None:
    host.service.known = {sha1_of(KNOWN)}
    names = (b"\xff.png", b"\\xff.png", b"new\nline.png", "caf\u00e9 \u202egnp".encode())
    files = {os.fsencode(host.customers) + b"/" + name for name in names}
    for file in files:
        Path(os.fsdecode(file)).write_bytes(KNOWN)
    checked = [
        json.loads(line)["path"] for line in host.run("check", str(host.customers), "--json", code=1).splitlines()
    ]
    assert {os.fsencode(path) for path in checked} == files
    assert len(host.run("check", str(host.customers), code=1).splitlines()) == len(files)
    host.run("scan", str(host.customers), "--json", code=1)
    cases = [json.loads(line)["path"] for line in host.run("cases", "list", "--json").splitlines()]
    assert {os.fsencode(path) for path in cases} == files
    assert len(host.run("cases", "list").splitlines()) == len(["heading", *files])


def test_check_follows_no_link_and_waits_for_no_pipe(host: Host) -> None:
    outside = host.folder / "outside.png"
    outside.write_bytes(KNOWN)
    link = host.customers / "link.png"
    link.symlink_to(outside)
    pipe = host.customers / "pipe.png"
    subprocess.run(["mkfifo", pipe], check=True)
    for path in (link, pipe):
        assert json.loads(host.run("check", str(path), "--json", code=3))["reason"] == "no-file"


def test_dry_run_records_nothing_and_scan_acts(host: Host) -> None:
    host.service.known = {sha1_of(KNOWN)}
    known = host.upload("anna/known.png", KNOWN)
    for number in range(3, 33):
        host.upload(f"bram/{number}.png", made_up_picture(number))
    before = look_at_all(host.customers)
    dry = json.loads(host.run("scan", str(host.customers), "--dry-run", "--json", code=1))
    assert {key: dry[key] for key in ("files", "checked", "known", "near", "unchecked")} == {
        "files": 31,
        "checked": 31,
        "known": 1,
        "near": 0,
        "unchecked": 0,
    }
    assert look_at_all(host.customers) == before
    assert host.cases() == []
    done = json.loads(host.run("scan", str(host.customers), "--json", code=1))
    assert (done["files"], done["checked"], done["known"]) == (31, 31, 1)
    assert not known.exists()
    again = json.loads(host.run("scan", str(host.customers), "--json"))
    assert (again["files"], again["checked"], again["known"]) == (30, 30, 0)
    asked = len(host.service.requests)
    assert asked == 31 + 1, "the scans asked nothing again, but about the known file before it was taken"


def test_a_scan_of_files_that_nobody_watches_is_refused(host: Host, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert "watched" in host.run("scan", str(elsewhere), code=2)


def test_a_scan_beside_the_daemon_lets_the_daemon_check(host: Host) -> None:
    host.start()
    host.settled()
    host.upload("anna/clear.png", CLEAR)
    done = json.loads(host.run("scan", str(host.customers), "--json"))
    assert (done["files"], done["checked"]) == (1, 1)


def test_a_second_daemon_is_refused(host: Host) -> None:
    host.start()
    words = host.run("run", code=2)
    assert "another goodhoster" in words
    assert host.status()["ready"]


def test_a_wrong_configuration_stays_outside_at_reload(host: Host) -> None:
    host.configure(mode="observe")
    host.start()
    host.config.write_text(host.config.read_text().replace("[policy]", "[policy]\nstorm_custmers = 3"))
    host.reload()
    assert wait_until(lambda: "did you mean storm_customers?" in host.journal())
    assert "did you mean" in host.run("status", code=2)
    host.configure(mode="enforce")
    host.reload()
    assert wait_until(lambda: host.status().get("mode") == "enforce" and "mode enforce" in host.journal())
    host.service.known = {sha1_of(KNOWN)}
    known = host.upload("anna/known.png", KNOWN)
    assert wait_until(lambda: not known.exists())


@pytest.mark.parametrize(
    ("section", "words"),
    [
        (
            '[smtp]\nhost = "localhost"\nsender = "a@b.example"\npassword_file = "nosuch"\n',
            "password of the mail server",
        ),
        ('[imap]\nhost = "localhost"\nusername = "a"\npassword_file = "nosuch"\n', "password of the mailbox"),
        ('[[watch]]\npath = "nosuch"\n', "is not a directory"),
    ],
)
def test_what_a_start_would_refuse_is_refused_at_reload(host: Host, section: str, words: str) -> None:
    host.configure(mode="observe")
    host.start()
    host.config.write_text(f"{host.config.read_text()}\n{section}")
    assert words in host.run("config", "check", code=2)
    host.reload()
    assert wait_until(lambda: "the configuration stays as it was" in host.journal())
    assert host.daemon
    assert host.daemon.poll() is None


def test_a_reason_is_more_than_blanks(host: Host) -> None:
    assert "reason" in host.run("cases", "restore", "20260101-abcdefg", "--reason", " ", code=2)


def test_own_lists_are_imported_shown_and_taken_away(host: Host, tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_text(f"{hashlib.sha256(KNOWN).hexdigest()}\n{hashlib.md5(CLEAR, usedforsecurity=False).hexdigest()}\n")
    host.config.write_text(host.config.read_text() + '[[hash_source]]\nkind = "list"\n')
    imported = host.run("hashlist", "import", str(file), "--source", "police", "--category", "baseline", "--json")
    assert {
        (line["source"], line["algorithm"], line["entries"]) for line in map(json.loads, imported.splitlines())
    } == {
        ("police", "sha256", 1),
        ("police", "md5", 1),
    }
    picture = host.upload("anna/known.png", KNOWN)
    match = json.loads(host.run("check", str(picture), "--json", code=1))["matches"][0]
    assert (match["source"], match["algorithm"], match["category"]) == ("police", "sha256", "baseline")
    assert len(host.run("hashlist", "list", "--json").splitlines()) == 2
    host.run("hashlist", "remove", "police")
    assert host.run("hashlist", "list", "--json") == ""
    assert "no such hash list" in host.run("hashlist", "remove", "police", code=2)


def test_a_changed_audit_log_is_not_whole(host: Host) -> None:
    host.service.known = {sha1_of(KNOWN)}
    host.upload("anna/known.png", KNOWN)
    host.run("scan", str(host.customers), "--json", code=1)
    log = host.folder / "state" / "audit.log"
    kept = host.folder / "kept"
    shutil.copy(log, kept)
    verified = json.loads(host.run("audit", "verify", "--json"))
    assert verified["ok"]
    assert verified["entries"] == len(kept.read_bytes().splitlines())
    log.write_bytes(kept.read_bytes().replace(b"quarantine", b"quarantime", 1))
    changed = json.loads(host.run("audit", "verify", "--json", code=1))
    assert not changed["ok"]
    assert changed["first_bad"] is not None


def test_a_case_is_shown_restored_once_and_confirmed(host: Host) -> None:
    host.service.known = {sha1_of(KNOWN)}
    host.configure(policy="measures_per_hour = 0")
    known = host.upload("anna/known.png", KNOWN)
    host.run("scan", str(host.customers), "--json", code=1)
    (case,) = host.cases()
    assert (case["state"], case["customer"], case["path"], case["verdict"]) == ("held", "anna", str(known), "known")
    assert host.status()["held"] == 1
    confirmed = json.loads(host.run("cases", "confirm", case["id"], "--reason", "looked at the list", "--json"))
    assert confirmed["confirmed"] == [case["id"]]
    assert not known.exists()
    shown = json.loads(host.run("cases", "show", case["id"], "--json"))
    assert shown["state"] == "offline"
    assert [(m["kind"], m["state"]) for m in shown["measures"]] == [("quarantine", "done")]
    assert json.loads(host.run("cases", "restore", case["id"], "--reason", "wrong list", "--json"))["restored"]
    assert known.read_bytes() == KNOWN
    refused = json.loads(host.run("cases", "restore", case["id"], "--reason", "again", "--json", code=1))
    assert refused["refused"][0]["id"] == case["id"]
    assert "no case" in host.run("cases", "show", "20990101-nothing", code=2)


@pytest.mark.skipif(os.geteuid() != 0, reason="root, to give a file to an account that there is none of")
def test_an_account_that_is_deleted_while_its_cases_are_open(host: Host) -> None:
    """With its home, as `userdel --remove` does: nothing is lost, and nothing is said to be back that is not."""
    nobody = 61009
    host.service.known = {sha1_of(KNOWN), sha1_of(KNOWN + b"2")}
    taken = host.upload("anna/taken.png", KNOWN)
    os.chown(taken, nobody, nobody)
    host.run("scan", str(host.customers), code=1)
    host.configure(policy="measures_per_hour = 0")
    host.upload("anna/held.png", KNOWN + b"2")
    host.run("scan", str(host.customers), code=1)
    cases = {case["state"]: case["id"] for case in host.cases()}
    shutil.rmtree(host.customers / "anna")
    assert "taken.png" in host.run("cases", "show", cases["offline"])
    assert "held.png" in host.run("cases", "show", cases["held"])
    refused = json.loads(host.run("cases", "restore", cases["offline"], "--reason", "a mistake", "--json", code=1))
    assert "anna" in refused["refused"][0]["reason"]
    assert "gone" in host.run("cases", "confirm", cases["held"], "--reason", "it is known", code=1)
    assert {case["id"]: case["state"] for case in host.cases()} == {cases["offline"]: "offline", cases["held"]: "gone"}
    taken.parent.mkdir()
    host.run("cases", "restore", cases["offline"], "--moved", "--reason", "the account is back")
    assert (taken.read_bytes(), taken.stat().st_uid) == (KNOWN, nobody)


def test_configuration_mistakes_are_named(host: Host) -> None:
    good = host.config.read_text()
    assert json.loads(host.run("config", "check", "--json"))["ok"]
    host.config.write_text(good.replace("state_dir", "state_dri"))
    assert "did you mean state_dir?" in host.run("config", "check", code=2)
    host.config.write_text(good)
    password = host.folder / "password"
    password.chmod(0o644)
    assert f"chmod 600 {password}" in host.run("config", "check", code=2)
    password.unlink()
    assert "make it:" in host.run("config", "check", code=2)
    host.config.write_text(good.replace('path = "customers"', 'path = "nowhere"'))
    assert "is not a directory" in host.run("config", "check", code=2)


def test_doctor_names_what_stands_in_the_way(host: Host) -> None:
    findings = {f["what"]: f for f in map(json.loads, host.run("doctor", "--json", code=1).splitlines())}
    assert findings["hash source hashcheckservice"]["ok"]
    assert not findings["daemon"]["ok"]
    host.start()
    assert wait_until(lambda: host.ended_with("doctor")[0] == 0), host.ended_with("doctor")


def test_doctor_warns_of_a_list_source_without_a_list(host: Host) -> None:
    with host.config.open("a") as config:
        config.write('[[hash_source]]\nkind = "list"\n')
    findings = {f["what"]: f for f in map(json.loads, host.run("doctor", "--json", code=1).splitlines())}
    assert not findings["hash lists"]["ok"]
    assert "hashlist import" in findings["hash lists"]["hint"]


def test_doctor_asks_every_directory(host: Host, tmp_path: Path) -> None:
    with host.config.open("a") as config:
        config.write('[[directory]]\nkind = "list"\nfile = "sites.csv"\n')
    finding = _finding_of_the_directory(host)
    assert not finding["ok"]
    assert "sites.csv" in finding["detail"]
    sites = host.config.parent / "sites.csv"
    sites.write_text("customer_id,domain,docroot\n")
    assert "every notice waits for a person" in _finding_of_the_directory(host)["hint"]
    sites.write_text(f"customer_id,domain,docroot\nanna,anna.example www.anna.example,{tmp_path}\n")
    finding = _finding_of_the_directory(host)
    assert (finding["ok"], finding["detail"]) == (True, "knows 2 names of sites")


def _finding_of_the_directory(host: Host) -> dict[str, Any]:
    findings = map(json.loads, host.run("doctor", "--json", code=1).splitlines())
    return next(finding for finding in findings if finding["what"] == "directory list")


def test_without_a_configuration_the_command_says_how_to_make_one(tmp_path: Path) -> None:
    command = (*GOODHOSTER, "status", "--config", str(tmp_path / "none.toml"))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "goodhoster config sample" in done.stderr


def made(directory: Path) -> bool:
    """False where a file of that name is just being written."""
    try:
        directory.mkdir()
    except FileExistsError:
        return False
    return True


def test_a_daemon_that_cannot_write_its_report_goes_on_checking(host: Host) -> None:
    host.service.known = {sha1_of(KNOWN)}
    host.start()
    assert wait_until(lambda: host.status()["ready"])
    report = host.folder / "state" / "status.json.new"
    assert wait_until(lambda: made(report))
    assert wait_until(lambda: "the daemon continues" in host.journal())
    known = host.upload("anna/known.png", KNOWN)
    assert wait_until(lambda: not known.exists())
    report.rmdir()
    host.stop()
    assert host.journal().count("the daemon continues") == 1


def test_cases_are_filtered_previewed_and_decided_together(host: Host) -> None:
    host.service.known = {sha1_of(KNOWN)}
    host.configure(policy="measures_per_hour = 0")
    files = [host.upload(f"{name}/known.png", KNOWN) for name in ("anna", "bert")]
    host.run("scan", str(host.customers), "--json", code=1)
    anna, bert = sorted(host.cases(), key=lambda case: str(case["customer"]))
    listed = host.run("cases", "list", "--state", "held", "--since", "1h", "--customer", "anna", "--csv")
    assert [line.split(",")[0] for line in listed.splitlines()] == ["ID", anna["id"]]
    assert host.run("cases", "list", "--until", "1h") == ""
    assert len(host.run("cases", "list", "--limit", "1", "--json").splitlines()) == 1
    short = str(bert["id"]).partition("-")[2][:4]
    assert json.loads(host.run("cases", "show", short, "--json"))["id"] == bert["id"]
    assert "--all" in host.run("cases", "confirm", anna["id"], "--customer", "bert", "--reason", "x", code=2)
    assert "say which cases" in host.run("cases", "confirm", "--reason", "x", code=2)
    preview = host.run("cases", "confirm", "--all", "--customer", "bert", "--preview", "--json")
    assert [json.loads(line)["id"] for line in preview.splitlines()] == [bert["id"]]
    assert all(file.exists() for file in files)
    order = ("cases", "confirm", "--all", "--customer", "bert", "--reason", "looked at the list", "--json")
    assert json.loads(host.run(*order))["confirmed"] == [bert["id"]]
    assert [file.exists() for file in files] == [True, False]


def test_what_the_right_parts_of_a_configuration_name_is_looked_at_beside_what_is_wrong(host: Host) -> None:
    rules = host.folder / "rules.toml"
    rules.write_text("vettedd = true\n")
    good = host.config.read_text()
    host.config.write_text(
        good.replace('mode = "enforce"', 'mode = "destroy"').replace('path = "customers"', 'path = "nowhere"')
        + f'\n[house_rules]\nfile = "{rules}"\n[api]\nlisten = "0.0.0.0:8462"\n[[hash_source]]\nkind = "lisst"\n'
    )
    told = host.run("config", "check", code=2)
    for word in ("destroy", "nowhere", "vettedd", "0.0.0.0", "lisst"):  # noqa: S104 - an address that is refused
        assert word in told


def test_a_limit_that_no_list_has_is_refused(host: Host) -> None:
    for command in (("cases", "list"), ("notices", "list"), ("storms", "list"), ("customers", "list")):
        assert "--limit" in host.run(*command, "--limit", "99999999999999999999", code=2)
