"""What is gathered from releases, and what hostile archives and trees cannot do."""

import bz2
import hashlib
import io
import os
import sqlite3
import tarfile
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from goodhoster.errors import ConfigurationError, RefusedError
from goodhoster.settings import Settings, load
from goodhoster.testing.pictures import made_up_picture
from goodhoster_agent.exemption_gathering import Gathered, gather

LOGO, SMILEY = made_up_picture(1, blocks=2), made_up_picture(2, blocks=2)
PHP, CSS, SVG = b"<?php // nothing to see", b"body {}", b"<svg xmlns='http://www.w3.org/2000/svg'/>"
RELEASE = {
    "wordpress/wp-admin/images/logo.png": LOGO,
    "wordpress/wp-includes/images/smiley.gif": SMILEY,
    "wordpress/again/logo.png": LOGO,
    "wordpress/index.php": PHP,
    "wordpress/wp-includes/css/style.css": CSS,
    "wordpress/wp-includes/images/w.svg": SVG,
    "wordpress/empty.txt": b"",
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "customers").mkdir()
    config = tmp_path / "goodhoster.toml"
    config.write_text('[agent]\nstate_dir = "state"\n[[watch]]\npath = "customers"\n')
    return load(config)


def zipped(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


def tarred(files: dict[str, bytes], mode: str = "w:gz") -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def written(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def hashes(found: Gathered) -> set[bytes]:
    return {content.sha256 for content in found.contents}


ALL = {hashlib.sha256(content).digest() for content in (LOGO, SMILEY, PHP, CSS, SVG)}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("release.zip", zipped(RELEASE)),
        ("release.tar.gz", tarred(RELEASE)),
        ("release.tar", tarred(RELEASE, "w")),
        ("release", tarred(RELEASE, "w:xz")),  # a name decides nothing
    ],
)
def test_an_archive_gives_each_file_once(tmp_path: Path, settings: Settings, name: str, content: bytes) -> None:
    found = gather(written(tmp_path, name, content), settings)
    assert hashes(found) == ALL
    assert len(found.contents) == len(ALL)
    assert found.left_out == {"empty files, links and other things that are not files": 1}
    assert found.origin == f"archive {name}, SHA-256 {hashlib.sha256(content).hexdigest()}"
    assert hashlib.md5(SMILEY, usedforsecurity=False).digest() in {content.md5 for content in found.contents}


def test_one_picture_such_as_a_logo_of_the_house(tmp_path: Path, settings: Settings) -> None:
    found = gather(written(tmp_path, "logo", LOGO), settings)
    assert (hashes(found), found.origin.split(",")[0]) == ({hashlib.sha256(LOGO).digest()}, "picture logo")


def test_names_in_an_archive_lead_nowhere(tmp_path: Path, settings: Settings) -> None:
    names = ("../../escaped.png", "/tmp/escaped-too.png", "a/../../b.png", "\\..\\c.png", "x" * 5000 + ".png")
    before = sorted(tmp_path.rglob("*"))
    path = written(tmp_path, "tricks.zip", zipped(dict.fromkeys(names, LOGO)))
    assert hashes(gather(path, settings)) == {hashlib.sha256(LOGO).digest()}
    assert sorted(tmp_path.rglob("*")) == sorted([*before, path])


def test_links_and_devices_in_a_tar_are_not_followed(tmp_path: Path, settings: Settings) -> None:
    outside = written(tmp_path, "outside.png", SMILEY)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
            entry = tarfile.TarInfo("trick.png")
            entry.type, entry.linkname = kind, str(outside)
            archive.addfile(entry)
        entry = tarfile.TarInfo("logo.png")
        entry.size = len(LOGO)
        archive.addfile(entry, io.BytesIO(LOGO))
    found = gather(written(tmp_path, "links.tar", packed.getvalue()), settings)
    assert hashes(found) == {hashlib.sha256(LOGO).digest()}


def encrypted(content: bytes) -> bytes:
    """With the flag of encryption set in both headers."""
    return content.replace(b"PK\3\4\x14\0\0\0", b"PK\3\4\x14\0\1\0").replace(
        b"PK\1\2\x14\3\x14\0\0\0", b"PK\1\2\x14\3\x14\0\1\0"
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "why"),
    [
        (zipped(RELEASE)[:-60], "broken-archive"),
        (tarred(RELEASE)[:-30], "broken-archive"),
        (encrypted(zipped(RELEASE)), "encrypted"),
        (zipped({f"{number}.css": CSS for number in range(50_001)}), "too-many-members"),
        (zipped({"empty.txt": b""}), "nothing to exempt"),
        (bz2.compress(b""), "nothing to exempt"),
        (b"", "nothing to exempt"),
        (b"<html>not found</html>", "nothing to exempt"),
    ],
)
def test_half_a_release_is_none(tmp_path: Path, settings: Settings, content: bytes, why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        gather(written(tmp_path, "release.zip", content), settings)


def unpacked(folder: Path) -> Path:
    for name, content in RELEASE.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder / "wordpress"


def test_an_installed_tree_gives_the_same_as_its_archive(tmp_path: Path, settings: Settings) -> None:
    tree = unpacked(tmp_path / "installed")
    os.rename(tree / "again/logo.png", os.fsencode(tree) + b"/again/\xff\n.txt")
    from_archive = gather(written(tmp_path, "release.zip", zipped(RELEASE)), settings)
    assert gather(tree, settings).contents == from_archive.contents


def test_nothing_in_a_tree_leads_out_of_it_or_blocks(tmp_path: Path, settings: Settings) -> None:
    tree = unpacked(tmp_path / "installed")
    (tree / "link.png").symlink_to(written(tmp_path, "private.png", made_up_picture(3)))
    (tree / "links").symlink_to(tmp_path)
    os.mkfifo(tree / "fifo.png")
    assert hashes(gather(tree, settings)) == ALL


def test_a_file_that_cannot_be_read_whole_refuses_the_tree(tmp_path: Path, settings: Settings) -> None:
    tree = unpacked(tmp_path / "installed")
    with (tree / "huge.png").open("wb") as huge:
        huge.write(LOGO)
        huge.truncate(settings.agent.largest_file + 1)
    with pytest.raises(ConfigurationError, match=r"huge\.png cannot be read whole"):
        gather(tree, settings)


Prepare = Callable[[Path], Path]


@pytest.mark.parametrize("prepare", [unpacked, lambda folder: written(folder, "release.zip", zipped(RELEASE))])
def test_customers_do_not_say_what_is_harmless(tmp_path: Path, settings: Settings, prepare: Prepare) -> None:
    shop = tmp_path / "customers/shop"
    shop.mkdir()
    inside = prepare(shop)
    (tmp_path / "link").symlink_to(inside)
    for path in (inside, tmp_path / "link", tmp_path / "customers"):
        with pytest.raises(RefusedError, match="is in the watched tree"):
            gather(path, settings)


def test_nor_does_a_place_around_them(tmp_path: Path, settings: Settings) -> None:
    unpacked(tmp_path / "customers")
    with pytest.raises(RefusedError, match="holds the watched tree"):
        gather(tmp_path, settings)


def test_what_is_left_out_of_a_tree_is_told(tmp_path: Path, settings: Settings) -> None:
    tree = unpacked(tmp_path / "installed")
    (tree / "plugin.zip").write_bytes(zipped({"a.css": b"a{}"}))
    (tree / "link").symlink_to("index.php")
    found = gather(tree, settings)
    assert hashes(found) == ALL | {hashlib.sha256((tree / "plugin.zip").read_bytes()).digest()}
    assert found.left_out == {
        "links and other things that are not files": 1,
        "archives of whose own digest alone is taken, not what is inside": 1,
        "empty files (never matched)": 1,
    }


def test_a_database_of_known_files_gives_the_strongest_digest_of_each(tmp_path: Path, settings: Settings) -> None:
    with closing(sqlite3.connect(tmp_path / "nsrl.db")) as database, database:
        database.execute("CREATE TABLE FILE (sha256 TEXT, sha1 TEXT, md5 TEXT, file_name TEXT, package_id INTEGER)")
        rows = [("AB" * 32, "CD" * 20, "EF" * 16, "a", 1), ("AB" * 32, "CD" * 20, "EF" * 16, "b", 2)]
        database.executemany("INSERT INTO FILE VALUES (?, ?, ?, ?, ?)", [*rows, (None, "AB" * 20, "AB" * 16, "c", 1)])
    found = gather(tmp_path / "nsrl.db", settings)
    assert {content.strongest.hex for content in found.contents} == {"ab" * 32, "ab" * 20}
    assert found.origin.startswith("database nsrl.db, SHA-256 ")


def test_a_database_of_nothing_known_builds_nothing(tmp_path: Path, settings: Settings) -> None:
    with closing(sqlite3.connect(tmp_path / "other.db")) as database, database:
        database.execute("CREATE TABLE customers (name TEXT)")
    with pytest.raises(ConfigurationError, match="no table with a column md5"):
        gather(tmp_path / "other.db", settings)


def test_published_checksums_tell_release_and_md5(tmp_path: Path, settings: Settings) -> None:
    files = b'"wp-admin/images/logo.png": "%s", "index.php": "%s"' % (b"ab" * 16, b"cd" * 16)
    found = gather(written(tmp_path, "checksums.json", b'{"checksums": {"6.4.3": {%s}}}' % files), settings)
    assert (found.version, [content.md5.hex() for content in found.contents]) == ("6.4.3", ["ab" * 16, "cd" * 16])
    assert found.origin.startswith("published checksums checksums.json, SHA-256 ")


def test_what_is_not_there(tmp_path: Path, settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read whole"):
        gather(tmp_path / "gone.zip", settings)
