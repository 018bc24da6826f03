"""Figures of a real daemon, read by prometheus-client and, where it is installed, promtool."""

import shutil
import subprocess
import sys

from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import PROGRAM_PATH
from tests.journeys.host import Host, sha1_of, wait_until

Labels = tuple[tuple[str, str], ...]


def series(text: str) -> dict[tuple[str, Labels], float]:
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    found = {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for sample in samples}
    assert len(found) == len(samples), "a series twice breaks the scrape"
    assert all(sample.timestamp is None for sample in samples)
    return found


def value(found: dict[tuple[str, Labels], float], name: str, **labels: str) -> float:
    return found[name, tuple(sorted(labels.items()))]


def test_figures_agree_with_what_happened_and_the_file_says_when_the_daemon_ended(host: Host) -> None:
    folder = host.folder / "textfile"
    folder.mkdir()
    host.configure(policy=f'[metrics]\nfile = "{folder}/goodhoster.prom"\nevery = "1s"')
    host.service.known = {sha1_of(b"a made-up known picture")}
    host.upload("anna/known.jpg", b"a made-up known picture")
    host.upload("anna/clear.jpg", b"another made-up picture")
    host.start()
    host.settled({"known": 1, "clear": 1})
    host.run("audit", "verify")
    source = ("goodhoster_source_asked_total", (("source", "hashcheckservice"),))
    assert wait_until(lambda: series(host.run("metrics")).get(source, 0) >= 2), "the daemon tells of it once a second"
    found = series(printed := host.run("metrics"))
    assert value(found, "goodhoster_up") == 1
    assert value(found, "goodhoster_source_matched_total", source="hashcheckservice") == 1
    asked = value(found, "goodhoster_source_asked_total", source="hashcheckservice")
    assert asked == value(found, "goodhoster_source_duration_seconds_count", source="hashcheckservice") >= 2
    assert 0 < value(found, "goodhoster_source_duration_seconds_sum", source="hashcheckservice") < 60
    assert value(found, "goodhoster_measures", kind="quarantine", state="done") == 1
    assert value(found, "goodhoster_cases", state="offline") == 1
    assert value(found, "goodhoster_files", verdict="clear") == 1
    assert value(found, "goodhoster_audit_whole") == 1
    assert value(found, "goodhoster_notices_due", within="24h") == 0
    file = folder / "goodhoster.prom"
    assert wait_until(lambda: file.exists() and series(file.read_text()).keys() >= found.keys() - set())
    if promtool := shutil.which("promtool", path=PROGRAM_PATH):
        subprocess.run([promtool, "check", "metrics"], input=printed, text=True, check=True)
    assert wait_until(lambda: host.ended_with("status", "--nagios")[1].startswith("GOODHOSTER OK - ")), host.status()
    host.stop()
    assert value(series(file.read_text()), "goodhoster_up") == 0
    assert [path.name for path in folder.iterdir()] == ["goodhoster.prom"]
    assert value(series(host.run("metrics")), "goodhoster_up") == 0


def test_a_plugin_never_says_ok_where_nothing_could_be_looked_at(host: Host) -> None:
    host.config.write_text("[[")
    done = subprocess.run([*host_command(), "--config", str(host.config)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.partition(" - ")[0]) == (3, "GOODHOSTER UNKNOWN")


def test_a_daemon_that_does_not_run_is_critical(host: Host) -> None:
    done = subprocess.run([*host_command(), "--config", str(host.config)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.partition(" - ")[0]) == (2, "GOODHOSTER CRITICAL")


def host_command() -> tuple[str, ...]:
    return (sys.executable, "-m", "goodhoster_agent", "status", "--nagios")
