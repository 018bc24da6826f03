"""From a configuration to everything a process needs, or to a message and nothing started."""

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from goodhoster.assembly.services import Services
from goodhoster.assembly.sources import hash_sources, relay_sources
from goodhoster.assembly.state import audit_log, expect_trees, lists_directory, make_state_dir, trees_of
from goodhoster.checking.hasher import DirectHasher
from goodhoster.checking.verdict import verdict_of
from goodhoster.errors import ConfigurationError, NotAskedError
from goodhoster.hashlists.importing import import_entries
from goodhoster.model.cases import Order
from goodhoster.model.digests import Algorithm
from goodhoster.model.limits import ReadingLimits
from goodhoster.model.notice_status import Notice, NoticeState
from goodhoster.model.notices import Carrier, RawNotice
from goodhoster.model.uploads import Content
from goodhoster.model.verdicts import Category, ContentKind, VerdictKind
from goodhoster.notices.spool import Spool
from goodhoster.settings import Settings, load
from goodhoster.testing import http_answers
from goodhoster.testing.hash_check_service import FakeHashService
from goodhoster.testing.suites.hash_source import made_up
from goodhoster.uploads.trees import Tree

Configure = Callable[[str], Settings]

SERVICE = """
[[hash_source]]
kind = "hashcheckservice"
url = "http://127.0.0.1:1/v1/check"
username = "example"
password_file = "password"
"""


@pytest.fixture
def configure(tmp_path: Path) -> Configure:
    def configured(content: str) -> Settings:
        (tmp_path / "password").touch(0o600)
        (tmp_path / "password").write_text("s3cret")
        file = tmp_path / "goodhoster.toml"
        file.write_text(f'[agent]\nstate_dir = "{tmp_path}/state"\n{content}')
        return load(file)

    return configured


def test_notices_that_wait_for_their_turn_are_open_and_may_be_overdue(configure: Configure, tmp_path: Path) -> None:
    settings, now = configure(""), datetime.now(UTC)
    (tmp_path / "state").mkdir(mode=0o700)
    for hours in (0, 1, 25):
        spool = Spool(tmp_path / "state/notices", lambda ago=hours: now - timedelta(hours=ago))
        spool.keep(RawNotice(Carrier.DSA_FORM, b"urls=x"))
    with Services(settings) as services:
        figures = services.notices.figures()
    assert (figures.open, figures.overdue) == (3, 1)


def test_a_notice_that_is_taken_in_is_counted_once(configure: Configure, tmp_path: Path) -> None:
    """`status` told of 20,013 open notices when 20,000 were being read."""
    settings, now = configure(""), datetime.now(UTC)
    (tmp_path / "state").mkdir(mode=0o700)
    spool = Spool(tmp_path / "state/notices", lambda: now)
    receipts = [spool.keep(RawNotice(Carrier.DSA_FORM, b"urls=x")) for _ in range(3)]
    with Services(settings) as services:
        services.notices.store.add(Notice(receipts[0], NoticeState.OPEN))
        assert services.notices.figures().open == 3


def test_to_count_notices_makes_nothing_but_their_record(configure: Configure, tmp_path: Path) -> None:
    settings, spool = configure(""), tmp_path / "state/notices"
    spool.parent.mkdir(mode=0o700)
    services = Services(settings)
    assert services.notices.figures().open == 0
    assert not spool.exists()
    Spool(spool, lambda: datetime.now(UTC)).keep(RawNotice(Carrier.MAIL, b"x"))
    next((spool / "waiting").iterdir()).write_bytes(b"damaged")
    assert services.notices.figures().open == 1
    services.close()


def our_threads() -> set[str]:
    return {thread.name for thread in threading.enumerate()}


def test_everything_is_put_together_and_given_back(configure: Configure, tmp_path: Path) -> None:
    (tmp_path / "customers").mkdir()
    before = our_threads()
    services = Services(configure(f'{SERVICE}[[hash_source]]\nkind = "list"\n[[watch]]\npath = "customers"'))
    services.make_all()
    assert [source.name for source in services.sources] == ["hashcheckservice", "list"]
    assert services.trees == (Tree(os.fsencode(tmp_path.resolve() / "customers"), None),)
    assert {"answers", "hashlists", "index.sqlite"} < set(os.listdir(tmp_path / "state"))
    services.close()
    services.close()
    assert our_threads() == before


def test_an_empty_configuration_has_neither_trees_nor_sources(configure: Configure) -> None:
    with Services(configure("")) as services:
        assert (services.trees, services.sources) == ((), ())


def test_what_is_not_asked_for_is_not_opened(configure: Configure, tmp_path: Path) -> None:
    """A restore, or `status`, needs no password of a hash service, and leaves no file that it does not use."""
    settings = configure(SERVICE)
    (tmp_path / "password").unlink()
    with Services(settings) as services:
        assert services.toolkit.restore([], Order("me", "nothing")).done == ()
        made = set(os.listdir(tmp_path / "state"))
        assert not made & {"answers", "notices.sqlite", "seen.sqlite", "hashlists"}
        with pytest.raises(ConfigurationError, match="password"):
            _ = services.sources


def test_a_part_is_made_once_however_many_threads_ask(configure: Configure) -> None:
    made: list[ReadingLimits] = []

    def make(limits: ReadingLimits) -> DirectHasher:
        made.append(limits)
        time.sleep(0.05)
        return DirectHasher(limits)

    with Services(configure(""), make) as services, ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(lambda _: id(services.hasher), range(8)))) == 1
    assert len(made) == 1


def test_the_state_directory_is_private_and_made_with_those_above_it(tmp_path: Path) -> None:
    state = make_state_dir(tmp_path / "a" / "b")
    assert state.stat().st_mode & 0o777 == 0o700
    (state / "index.sqlite").touch()
    state.chmod(0o705)
    with pytest.raises(ConfigurationError, match="is open to others") as caught:
        make_state_dir(state)
    assert caught.value.hint == f"chmod 700 {state}"


def test_an_empty_state_directory_that_mkdir_made_is_closed(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    assert make_state_dir(tmp_path).stat().st_mode & 0o777 == 0o700


def test_a_state_directory_that_others_may_write_is_refused_although_it_is_empty(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(ConfigurationError, match="is open to others"):
        make_state_dir(tmp_path)


def test_a_state_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="cannot be made or read: Not a directory"):
        make_state_dir(tmp_path / "file" / "state")


def test_a_tree_named_by_a_link_is_the_directory_it_leads_to(configure: Configure, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "customers").symlink_to("disk")
    trees = trees_of(configure('[[watch]]\npath = "customers"\ncustomer = "c-7"'))
    assert trees == (Tree(os.fsencode((tmp_path / "disk").resolve()), "c-7"),)


@pytest.mark.parametrize("path", ["missing", "goodhoster.toml"])
def test_a_tree_that_is_no_directory_is_told(configure: Configure, path: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{path} is not a directory"):
        expect_trees(configure(f'[[watch]]\npath = "{path}"'))


@pytest.mark.parametrize("inner", ["customers", "customers/.", "customers/anna/web", "link"])
def test_a_tree_in_another_is_refused(configure: Configure, tmp_path: Path, inner: str) -> None:
    (tmp_path / "customers/anna/web").mkdir(parents=True)
    (tmp_path / "customers-2").mkdir()
    (tmp_path / "link").symlink_to("customers/anna")
    beside = '[[watch]]\npath = "customers-2"\n[[watch]]\npath = "customers"\n'
    assert len(trees_of(configure(beside))) == 2
    with pytest.raises(ConfigurationError, match=r"lies in the watched tree|is watched twice"):
        trees_of(configure(f'{beside}[[watch]]\npath = "{inner}"\n'))


@pytest.mark.parametrize("tree", ["state", "link", "."])
def test_a_state_directory_in_a_tree_is_refused(configure: Configure, tmp_path: Path, tree: str) -> None:
    (tmp_path / "state").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to("state")
    with pytest.raises(ConfigurationError, match=r"state directory .* lies in the watched tree"):
        trees_of(configure(f'[[watch]]\npath = "{tree}"'))


@pytest.mark.parametrize(
    ("sources", "message", "hint"),
    [
        ('[[hash_source]]\nkind = "lists"', "unknown kind lists", "did you mean list?"),
        (SERVICE + SERVICE, "two hash sources are called hashcheckservice", "its name"),
        (SERVICE + SERVICE.replace('"password"', '"missing"') + 'name = "b"', "password of b in .*missing", "make it:"),
        (SERVICE.replace("username", "user"), "unknown key user", "did you mean username?"),
        (SERVICE + 'algorithms = ["photodna"]', "a video has no photodna", "add a digest"),
    ],
)
def test_a_source_that_cannot_be_made_is_told_and_nothing_was_started(
    configure: Configure, sources: str, message: str, hint: str
) -> None:
    before = our_threads()
    with pytest.raises(ConfigurationError, match=message) as caught:
        hash_sources(configure(sources))
    assert hint in caught.value.hint
    assert our_threads() == before


def test_a_licensed_library_that_is_not_installed_is_told(configure: Configure) -> None:
    missing = r"no library 'ours' is in the group goodhoster.fingerprinters"
    with (
        pytest.raises(ConfigurationError, match=missing) as told,
        Services(configure('[hashing]\nphotodna = "ours"')) as services,
    ):
        services.make_all()
    assert "there are: none" in told.value.hint


def test_services_that_cannot_be_made_give_back_what_was_begun(configure: Configure, tmp_path: Path) -> None:
    settings = configure(SERVICE)
    make_state_dir(settings.state_dir)
    (tmp_path / "state" / "index.sqlite").mkdir()
    before = our_threads()
    with pytest.raises(ConfigurationError, match="the index"), Services(settings) as services:
        services.make_all()
    assert our_threads() == before


def test_any_source_can_be_in_shadow_or_asked_about_a_share(configure: Configure) -> None:
    settings = configure('[[hash_source]]\nkind = "list"\nshadow = true\n')
    known = made_up("known").digests.of(Algorithm.SHA1)
    import_entries(lists_directory(settings), "police", [(known.value, Category.ILLEGAL)])
    [source] = hash_sources(settings)
    with pytest.raises(NotAskedError):
        source.look_up(made_up("known"))
    assert source.health().matches == 1
    [entry] = audit_log(settings).entries()
    assert (entry.event.kind, entry.event.data["source"], entry.event.data["sha1"]) == (
        "match.shadow",
        "police",
        known.hex,
    )
    [source] = hash_sources(configure('[[hash_source]]\nkind = "list"\npercent = 1\n'))
    asked = [made_up(str(number)) for number in range(50)]
    for question in asked:
        with suppress(NotAskedError):
            assert source.look_up(question) == ()
    assert source.health().checks < 10
    with pytest.raises(ConfigurationError, match="percent"):
        configure('[[hash_source]]\nkind = "list"\npercent = 101\n')


def test_the_relay_asks_no_source_that_takes_fingerprints_only(configure: Configure) -> None:
    arachnid = '[[hash_source]]\nkind = "arachnid"\nusername = "example"\npassword_file = "password"\n'
    settings = configure(f'{arachnid}[[hash_source]]\nkind = "list"')
    sources = hash_sources(settings)
    assert [source.name for source in sources] == ["arachnid", "list"]
    assert [source.name for source in relay_sources(settings)] == ["list"]
    for source in sources:
        source.close()


@pytest.mark.parametrize("rollout", ["shadow = true", "percent = 1"])
def test_the_relay_remembers_no_answer_that_was_none(configure: Configure, rollout: str) -> None:
    """What failed in shadow, and what was not asked about, must not count as "no" once the source is trusted."""
    known = made_up("known")
    with FakeHashService(known={known.digests.of(Algorithm.SHA1)}) as service:
        service.username, service.password = "example", "s3cret"
        service.behave = lambda _: http_answers.RESETS
        upstream = SERVICE.replace("http://127.0.0.1:1/v1/check", service.url) + 'deadline = "1s"\n'
        (source,) = relay_sources(configure(f"{upstream}{rollout}\n"))
        with pytest.raises(NotAskedError):
            source.look_up(known)
        source.close()
        service.behave = lambda _: None
        (source,) = relay_sources(configure(upstream))
        assert source.look_up(known)
        asked = len(service.requests)
        assert source.look_up(known)
        assert len(service.requests) == asked, "an answer is remembered"
        source.close()


PLUG_IN = """
from dataclasses import dataclass
from goodhoster.adapters.hash_sources.counting import CountedSource
from goodhoster.adapters.hash_sources.memory import MemorySource
from goodhoster.settings import one_of, setting

class Broken(MemorySource):
    def look_up(self, question):
        return 1 / 0

@dataclass(frozen=True)
class Kind:
    kind: str = setting(one_of("broken"), "Which kind of source this is.", example='"broken"')

    def build(self, around):
        return CountedSource(Broken({}, name="broken"), around.clock)
"""


def test_an_installed_plug_in_that_breaks_does_not_hide_what_a_list_knows(
    configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plug_in.py").write_text(PLUG_IN)
    installed = tmp_path / "plug_in-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: plug-in\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text("[goodhoster.hash_sources]\nbroken = plug_in:Kind\n")
    monkeypatch.syspath_prepend(tmp_path)
    settings = configure('[[hash_source]]\nkind = "broken"\n[[hash_source]]\nkind = "list"\n')
    known = made_up("known").digests
    import_entries(lists_directory(settings), "police", [(known.of(Algorithm.SHA1).value, Category.ILLEGAL)])
    sources = hash_sources(settings)
    verdict = verdict_of(Content(known, ContentKind.IMAGE, 1), sources, ask_services=True)
    assert (verdict.kind, verdict.reason) == (VerdictKind.KNOWN, "internal-error")
    assert sources[0].health().unchecked == {"internal-error": 1}
