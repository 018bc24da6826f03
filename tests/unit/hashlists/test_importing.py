"""Imports are all or nothing, whatever happens to the process, the disk or the neighbour."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from goodhoster.errors import BusyError, ConfigurationError, PermanentError, RefusedError
from goodhoster.hashlists.digest_list import DigestList, Entry
from goodhoster.hashlists.file_names import list_files, list_path
from goodhoster.hashlists.importing import Imported, Removed, import_entries, remove_lists
from goodhoster.hashlists.own_lists import ListImportOrder, import_files, remove, survey
from goodhoster.model.digests import Algorithm
from goodhoster.model.verdicts import Category

SHA1, MD5 = Algorithm.SHA1, Algorithm.MD5


def entry(number: int, width: int = 20, category: Category = Category.ILLEGAL) -> Entry:
    return number.to_bytes(width), category


def whole(directory: Path) -> dict[str, int]:
    """Entries of each list; every one is undamaged."""
    found = {}
    for path, source, algorithm in list_files(directory):
        opened = DigestList.open(path)
        opened.verify()
        found[f"{source} {algorithm}"] = len(opened)
    return found


def test_entries_go_to_the_list_of_their_algorithm(tmp_path: Path) -> None:
    results = import_entries(tmp_path, "police", [entry(1), entry(2), entry(1, 16)])
    assert set(results) == {Imported("police", SHA1, 2, 2), Imported("police", MD5, 1, 1)}
    assert whole(tmp_path) == {"police md5": 1, "police sha1": 2}


def test_replacing_takes_away_what_was_not_given_again(tmp_path: Path) -> None:
    import_entries(tmp_path, "police", [entry(1), entry(1, 16)])
    import_entries(tmp_path, "hotline", [entry(1, 16)])
    results = import_entries(tmp_path, "police", [entry(5), entry(6)], replace=True)
    assert set(results) == {Imported("police", SHA1, 2, 2, 1), Imported("police", MD5, 0, 0, 1)}
    assert whole(tmp_path) == {"police sha1": 2, "hotline md5": 1}


def test_the_gravest_category_stays(tmp_path: Path) -> None:
    import_entries(tmp_path, "s", [entry(1, category=Category.OTHER)])
    import_entries(tmp_path, "s", [entry(1, category=Category.BASELINE), entry(1, category=Category.UNSPECIFIED)])
    assert DigestList.open(list_path(tmp_path, "s", SHA1)).find(entry(1)[0]) is Category.BASELINE


@pytest.mark.parametrize("source", ["", ".hidden", "../up", "a/b", "x" * 65, "a b", "a\n", "ü"])
def test_a_name_that_cannot_be_a_file_is_refused(tmp_path: Path, source: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be the name of a source"):
        import_entries(tmp_path, source, [entry(1)])
    assert os.listdir(tmp_path) == []


def test_an_import_of_nothing_changes_nothing(tmp_path: Path) -> None:
    import_entries(tmp_path, "police", [entry(1)])
    with pytest.raises(ConfigurationError, match="no digest was found"):
        import_entries(tmp_path, "police", [], replace=True)
    assert whole(tmp_path) == {"police sha1": 1}


def test_a_file_that_cannot_be_read_to_its_end_changes_nothing(tmp_path: Path) -> None:
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.write_text("1" * 40 + "\n")
    bad.write_text("2" * 40 + "\nrubbish\n")
    with pytest.raises(ConfigurationError, match="line 2"):
        import_files(tmp_path / "lists", ListImportOrder([good, bad], "police", Category.OTHER))
    assert whole(tmp_path / "lists") == {}
    assert os.listdir(tmp_path / "lists") == []


def test_two_imports_at_once_are_not(tmp_path: Path) -> None:
    def slowly() -> Iterator[Entry]:
        yield entry(1)
        with pytest.raises(BusyError, match="another import"):
            import_entries(tmp_path, "hotline", [entry(2)])
        yield entry(3)

    import_entries(tmp_path, "police", slowly())
    assert whole(tmp_path) == {"police sha1": 2}


def test_adding_to_a_damaged_list_is_refused_and_replacing_makes_it_good(tmp_path: Path) -> None:
    import_entries(tmp_path, "police", [entry(1), entry(2)])
    path = list_path(tmp_path, "police", SHA1)
    path.write_bytes(path.read_bytes()[:-1] + b"\xa5")
    with pytest.raises(ConfigurationError, match="checksum"):
        import_entries(tmp_path, "police", [entry(3)])
    (status,) = survey(tmp_path)
    assert not status.whole
    import_entries(tmp_path, "police", [entry(3)], replace=True)
    assert whole(tmp_path) == {"police sha1": 1}


def test_lists_are_removed_by_source_and_algorithm(tmp_path: Path) -> None:
    import_entries(tmp_path, "police", [entry(1), entry(1, 16)])
    assert remove_lists(tmp_path, "police", MD5) == (Removed("police", MD5, 1),)
    assert remove_lists(tmp_path, "police") == (Removed("police", SHA1, 1),)
    with pytest.raises(RefusedError, match="no such hash list of 'police'"):
        remove_lists(tmp_path, "police")


def test_a_damaged_list_can_be_removed(tmp_path: Path) -> None:
    list_path(tmp_path, "police", SHA1).write_bytes(b"rubbish")
    assert remove_lists(tmp_path, "police") == (Removed("police", SHA1, None),)


def test_a_list_is_for_those_whom_the_directory_is_for(tmp_path: Path) -> None:
    import_entries(tmp_path / "lists", "police", [entry(1)])
    mode = list_path(tmp_path / "lists", "police", SHA1).stat().st_mode & 0o777
    assert (mode, (tmp_path / "lists").stat().st_mode & 0o777) == (0o640, 0o750)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away: run as root")
def test_what_root_imports_belongs_to_whom_the_directory_belongs(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, 12345)
    import_entries(tmp_path, "police", [entry(1)])
    owner = list_path(tmp_path, "police", SHA1).stat()
    assert (owner.st_uid, owner.st_gid) == (12345, 12345)


IMPORTER = """
import sys
from pathlib import Path
from goodhoster.hashlists.importing import import_entries
from goodhoster.model.verdicts import Category
print("ready", flush=True)
for attempt in range(1000):
    size = 1000 if attempt % 2 else 30_000
    entries = ((number.to_bytes(20), Category.OTHER) for number in range(size))
    import_entries(Path(sys.argv[1]), "police", entries, replace=True)
"""


def test_kill_9_at_any_moment_leaves_whole_lists(tmp_path: Path, rounds: Callable[[int, int], int]) -> None:
    import_entries(tmp_path, "police", [entry(number) for number in range(1000)])
    chance = random.Random(3)
    for _ in range(rounds(4, 100)):
        with subprocess.Popen([sys.executable, "-c", IMPORTER, str(tmp_path)], stdout=subprocess.PIPE) as importer:
            assert importer.stdout
            importer.stdout.readline()
            time.sleep(chance.random() / 2)
            importer.kill()
        assert whole(tmp_path) in ({"police sha1": 1000}, {"police sha1": 30_000})
    import_entries(tmp_path, "police", [entry(1)], replace=True)
    assert os.listdir(tmp_path) == ["police.sha1.digests"], "what was left lying is swept away"


SMALL_FILES = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
"""


def test_a_full_disk_changes_nothing_and_says_so(tmp_path: Path) -> None:
    import_entries(tmp_path, "police", [entry(1)])
    importer = [sys.executable, "-c", SMALL_FILES + IMPORTER, str(tmp_path)]
    failed = subprocess.run(importer, capture_output=True, text=True, check=False)
    assert PermanentError.__name__ in failed.stderr
    assert "File too large; the lists there are unchanged" in failed.stderr
    assert whole(tmp_path) == {"police sha1": 1}
    assert os.listdir(tmp_path) == ["police.sha1.digests"]


def test_a_survey_reads_every_list(tmp_path: Path) -> None:
    import_entries(tmp_path, "police", [entry(1), entry(2, category=Category.OTHER), entry(1, 16)])
    list_path(tmp_path, "hotline", SHA1).write_bytes(b"rubbish")
    (tmp_path / "README").touch()
    found = {(status.source, status.algorithm): status for status in survey(tmp_path)}
    assert {key: (status.entries, status.whole) for key, status in found.items()} == {
        ("hotline", SHA1): (0, False),
        ("police", MD5): (1, True),
        ("police", SHA1): (2, True),
    }
    assert found["police", SHA1].categories == {Category.ILLEGAL: 1, Category.OTHER: 1}


def test_withdrawn_digests_are_in_the_list_no_more(tmp_path: Path) -> None:
    digests = [number.to_bytes(20) for number in range(1, 6)]
    import_entries(tmp_path, "police", [(digest, Category.ILLEGAL) for digest in digests[:4]])
    changes = [(digests[0], None), (digests[4], Category.OTHER), (bytes(20), None), (bytes(16), None)]
    told = import_entries(tmp_path, "police", changes)
    assert told == (Imported("police", SHA1, 4, 1, 1),)
    opened = DigestList.open(list_path(tmp_path, "police", Algorithm.SHA1))
    assert [opened.find(digest) is not None for digest in digests] == [False, True, True, True, True]


def test_a_file_of_digests_and_fingerprints_fills_both_and_replacing_takes_both_away(tmp_path: Path) -> None:
    mixed, plain = tmp_path / "mixed.csv", tmp_path / "plain.txt"
    mixed.write_text(f"sha1,pdq\n{'aa' * 20},{'bb' * 32}\n,{'cc' * 32}\n")
    plain.write_text("dd" * 20)
    lists = tmp_path / "lists"
    told = import_files(lists, ListImportOrder([mixed], "police", Category.ILLEGAL)).lists
    assert [(one.algorithm, one.entries) for one in told] == [("sha1", 1), ("pdq", 2)]
    assert [(one.algorithm, one.entries, one.whole) for one in survey(lists)] == [("sha1", 1, True), ("pdq", 2, True)]
    told = import_files(lists, ListImportOrder([plain], "police", replace=True)).lists
    assert [(one.algorithm, one.entries, one.removed) for one in told] == [("sha1", 1, 1), ("pdq", 0, 2)]
    mixed.write_text(f"pdq\n{'bb' * 32}\n")
    told = import_files(lists, ListImportOrder([mixed], "police", replace=True)).lists
    assert [(one.algorithm, one.entries, one.added, one.removed) for one in told] == [
        ("pdq", 1, 1, 0),
        ("sha1", 0, 0, 1),
    ]
    assert [(one.algorithm, one.entries) for one in remove(lists, "police")] == [("pdq", 1)]
    assert list(survey(lists)) == []
