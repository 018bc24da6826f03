"""Where a URL lives: outcomes, links, copies, CDN; never another customer's file by a customer's trick."""

import ipaddress
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from goodhoster.adapters.directories.memory import MemoryDirectory
from goodhoster.checking.digests import read_content
from goodhoster.errors import ConfigurationError, PassingError
from goodhoster.locating.copies import Copies
from goodhoster.locating.locator import Locator
from goodhoster.locating.networks import networks_of
from goodhoster.locating.serving import Serving
from goodhoster.locating.site_map_cache import FRESH, SiteMapCache
from goodhoster.locating.tree_resolver import TreeResolver
from goodhoster.model.notices import (
    Carrier,
    FoundBy,
    Location,
    LocationKind,
    Matching,
    PathRoute,
    RawNotice,
    ReadItem,
    Site,
)
from goodhoster.model.site_rules import FilesOnDisk, Shown, ShownKind, SiteRequest
from goodhoster.model.uploads import Content, FileState, Place
from goodhoster.model.verdicts import Verdict, VerdictKind
from goodhoster.notices.reading.reader import read
from goodhoster.uploads.content_lookup import IndexedContents
from goodhoster.uploads.index import Arrival, Priority, UploadIndex
from goodhoster.uploads.trees import Tree


class Host:
    """A tree with two customers, their sites in memory, and an index."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "srv"
        for name in ("anna/www", "bob/www"):
            (self.root / name).mkdir(parents=True)
        self.index = UploadIndex(folder / "index.sqlite")
        self.directory = MemoryDirectory(
            [
                Site("anna", ("anna.example", "*.anna.example"), (self.route("anna/www"),)),
                Site("", ("bob.example",), (PathRoute(Matching.PREFIX, "/app/", None), self.route("bob/www"))),
            ]
        )
        self.now = 0.0
        self.resolver = TreeResolver([Tree(os.fsencode(self.root), None)])
        self.contents = IndexedContents(self.index.database)
        self.locator = Locator(
            SiteMapCache([self.directory], lambda: self.now),
            Serving(self.resolver),
            Copies(self.resolver, self.contents),
            [ipaddress.ip_network("192.0.2.0/24")],
        )

    def route(self, below: str) -> PathRoute:
        return PathRoute(Matching.PREFIX, "/", os.fsencode(self.root / below))

    def file(self, name: str, content: str = "") -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content or name)
        return path

    def indexed(self, *names: str) -> None:
        """Read these files into the index, as the workers do."""
        places = [Place(os.fsencode(self.root), name.encode()) for name in names]
        self.index.expect([Arrival(place, "x", 0, Priority.BACKFILL) for place in places], 0)
        for job in self.index.take(1, 1000):
            with open(job.place.absolute, "rb") as file:
                state = FileState.of(os.fstat(file.fileno()))
                content: Content = read_content(file.fileno(), 1 << 30)
            self.index.record(job, (state, content), Verdict(VerdictKind.CLEAR), 1)
            self.index.settle(job)

    def locate(self, *urls: str, ip: str = "") -> Location:
        return self.locator.locate(ReadItem(urls, ip))

    def names(self, location: Location) -> dict[str, FoundBy]:
        return {file.upload.place.path.decode(): file.found_by for file in location.files}


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    host = Host(tmp_path)
    with closing(host.index):
        yield host


def test_a_file_with_its_customer_and_state(host: Host) -> None:
    path = host.file("anna/www/a.jpg")
    location = host.locate("https://www.anna.example/a.jpg?v=2#x")
    assert (location.outcome, location.customer, location.page) == (LocationKind.FILE, "anna", False)
    assert location.url == "https://www.anna.example/a.jpg?v=2"
    (file,) = location.files
    assert file.upload.state == FileState.of(path.stat())
    assert (file.upload.customer, file.found_by) == ("anna", FoundBy.URL)


def test_of_a_tree_that_is_not_there_nothing_is_said(host: Host) -> None:
    """Its disk may be away: its files are not gone."""
    host.file("anna/www/a.jpg")
    host.root.rename(host.root.with_name("elsewhere"))
    location = host.locate("https://www.anna.example/a.jpg")
    assert (location.outcome, location.reason) == (LocationKind.AMBIGUOUS, "unreadable")


@pytest.mark.parametrize(
    ("url", "page", "name"),
    [("http://bob.example/", "bob/www/index.html", True), ("http://bob.example/x/", "bob/www/x/index.htm", True)],
)
def test_a_page_is_told(host: Host, url: str, page: str, name: bool) -> None:  # noqa: FBT001
    host.file(page)
    location = host.locate(url)
    assert location.page is name
    assert host.names(location) == {page: FoundBy.URL}


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://bob.example/none.jpg", "missing"),
        ("http://bob.example/deep/none.jpg", "missing"),
        ("http://bob.example/folder/", "directory"),
        ("http://bob.example/view.php", "program"),
        ("http://bob.example/view.PHP?id=4", "program"),
        ("http://bob.example/app/a.jpg", "program"),
        ("http://bob.example/a.jpg/more", "missing"),
        ("http://bob.example/a.jpg/", "missing"),
        ("http://bob.example/" + "x" * 300, "missing"),
    ],
)
def test_dynamic(host: Host, url: str, reason: str) -> None:
    for name in ("bob/www/view.php", "bob/www/view.PHP", "bob/www/app/a.jpg", "bob/www/folder/x", "bob/www/a.jpg"):
        host.file(name)
    location = host.locate(url)
    assert (location.outcome, location.reason) == (LocationKind.DYNAMIC, reason)
    assert location.customer == "bob", "told by the tree where the directory does not"
    assert location.files == ()


def test_not_ours(host: Host) -> None:
    location = host.locate("http://other.example/a.jpg", ip="198.51.100.9")
    assert (location.outcome, location.reason, location.front) == (LocationKind.NOT_OURS, "unknown-host", "")


def test_whose_network_it_is_that_is_not_ours(host: Host) -> None:
    host.file("bob/www/a.jpg")
    networks = networks_of({ipaddress.ip_network("198.51.100.0/24"): "Example Net, a@b.example"})
    host.locator = replace(host.locator, networks=networks)
    elsewhere = host.locate("http://other.example/a.jpg", ip="198.51.100.9")
    assert elsewhere.network == "Example Net, a@b.example"
    assert elsewhere.detail == "no site here is called other.example; the network is that of Example Net, a@b.example"
    assert host.locate("http://198.51.100.9/a.jpg").network == "Example Net, a@b.example"
    assert host.locate("http://bob.example/a.jpg", ip="198.51.100.9").network == "Example Net, a@b.example"
    assert host.locate("http://other.example/a.jpg", ip="203.0.113.1").network == ""
    assert host.locate("http://bob.example/a.jpg", ip="192.0.2.1").network == ""


def test_an_unknown_host_at_our_address_is_not_told_away(host: Host) -> None:
    assert host.locate("http://other.example/a.jpg", ip="192.0.2.7").outcome is LocationKind.AMBIGUOUS
    for spelling in ("192.0.2.7", "[::ffff:192.0.2.7]", "[::ffff:c000:207]"):
        location = host.locate(f"http://{spelling}/a.jpg")
        assert (location.outcome, location.reason) == (LocationKind.AMBIGUOUS, "unknown-host")


def test_without_own_networks_no_address_is_told_away(host: Host) -> None:
    host.locator = replace(host.locator, own_networks=())
    assert host.locate("http://192.0.2.7/a.jpg").outcome is LocationKind.AMBIGUOUS
    assert host.locate("http://other.example/a.jpg").outcome is LocationKind.NOT_OURS


def test_the_site_that_answers_for_an_address(host: Host) -> None:
    host.file("bob/www/a.jpg")
    host.directory.given.append(Site("bob", (), (host.route("bob/www"),), ("192.0.2.7",), default=True))
    assert host.locate("http://3221225991/a.jpg").outcome is LocationKind.FILE
    assert host.locate("http://192.0.2.8/a.jpg").outcome is LocationKind.AMBIGUOUS
    assert host.locate("http://198.51.100.7/a.jpg").outcome is LocationKind.NOT_OURS


def test_a_cdn_in_front_is_told(host: Host) -> None:
    host.file("bob/www/a.jpg")
    assert host.locate("http://bob.example/a.jpg", ip="198.51.100.1").front == "198.51.100.1"
    assert host.locate("http://bob.example/a.jpg", ip="192.0.2.1").front == ""
    assert host.locate("http://bob.example/a.jpg", ip="no address").front == ""


@pytest.mark.parametrize("url", ["http://a\\@bob.example/", "http://bob.example/%00", "file:///srv/bob/www/a.jpg"])
def test_a_url_that_nobody_should_guess(host: Host, url: str) -> None:
    assert host.locate(url).outcome is LocationKind.AMBIGUOUS


def test_the_reading_that_leads_to_a_file_is_meant(host: Host) -> None:
    host.file("anna/www/x;y.jpg")
    location = host.locate("http://anna.example/x", "http://anna.example/x;y.jpg", "http://anna.example/x;y.jpg;note")
    assert location.url == "http://anna.example/x;y.jpg"


def test_two_readings_that_lead_to_two_files_wait_for_a_person(host: Host) -> None:
    host.file("anna/www/x")
    host.file("anna/www/x;y")
    location = host.locate("http://anna.example/x", "http://anna.example/x;y")
    assert (location.outcome, location.reason) == (LocationKind.AMBIGUOUS, "several-files")
    assert host.locate("http://anna.example/p", "http://anna.example/q").reason == "several-urls"


def test_a_path_that_was_encoded_twice(host: Host) -> None:
    host.file("anna/www/a b.jpg")
    assert host.names(host.locate("http://anna.example/a%2520b.jpg")) == {"anna/www/a b.jpg": FoundBy.URL}
    host.file("anna/www/a%20b.jpg")
    assert host.names(host.locate("http://anna.example/a%2520b.jpg")) == {"anna/www/a%20b.jpg": FoundBy.URL}


def test_a_name_that_is_no_text(host: Host) -> None:
    with open(os.fsencode(host.root) + b"/anna/www/\xe9.jpg", "wb") as file:
        file.write(b"x")
    (found,) = host.locate("http://anna.example/%E9.jpg").files
    assert found.upload.place.path == b"anna/www/\xe9.jpg"


def to_neighbour(host: Host) -> None:
    os.symlink(host.root / "bob/www/a.jpg", host.root / "anna/www/a.jpg")


def docroot_to_neighbour(host: Host) -> None:
    (host.root / "anna/www").rmdir()
    os.symlink(host.root / "bob/www", host.root / "anna/www")


def fifo(host: Host) -> None:
    os.mkfifo(host.root / "anna/www/a.jpg")


def outside(host: Host) -> None:
    os.symlink("/etc/passwd", host.root / "anna/www/a.jpg")


def folder_outside(host: Host) -> None:
    os.symlink("/etc", host.root / "anna/www/x")


@pytest.mark.parametrize(
    ("trick", "url", "reason"),
    [
        (to_neighbour, "http://anna.example/a.jpg", "link"),
        (docroot_to_neighbour, "http://anna.example/a.jpg", "link"),
        (outside, "http://anna.example/a.jpg", "link"),
        (folder_outside, "http://anna.example/x/passwd", "link"),
        (fifo, "http://anna.example/a.jpg", "no-file"),
    ],
)
def test_no_trick_of_a_customer_leads_to_a_file(
    host: Host, trick: Callable[[Host], None], url: str, reason: str
) -> None:
    host.file("bob/www/a.jpg")
    trick(host)
    location = host.locate(url)
    assert (location.outcome, location.reason, location.files) == (LocationKind.AMBIGUOUS, reason, ())


def test_a_docroot_in_no_watched_tree_waits_for_a_person(host: Host, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/a.jpg").write_text("x")
    elsewhere = PathRoute(Matching.PREFIX, "/", os.fsencode(tmp_path / "elsewhere"))
    host.directory.given.append(Site("cas", ("cas.example",), (elsewhere,)))
    assert host.locate("http://cas.example/a.jpg").reason == "not-covered"


def test_a_link_of_the_administrators_leads_to_the_tree(host: Host, tmp_path: Path) -> None:
    host.file("bob/www/a.jpg")
    os.symlink(host.root, tmp_path / "link")
    route = PathRoute(Matching.PREFIX, "/", os.fsencode(tmp_path / "link/bob/www"))
    host.directory.given.append(Site("bob", ("b2.example",), (route,)))
    assert host.names(host.locate("http://b2.example/a.jpg")) == {"bob/www/a.jpg": FoundBy.URL}


@pytest.mark.skipif(os.geteuid() != 0, reason="root, whose links are followed")
def test_a_url_of_a_home_that_root_linked_to_another_disk_leads_to_its_file(host: Host, tmp_path: Path) -> None:
    (home := tmp_path / "disk/u1/www").mkdir(parents=True)
    (home / "a.jpg").write_text("a picture")
    os.symlink(tmp_path / "disk/u1", host.root / "carl")
    real = os.fsencode(tmp_path / "disk/u1")
    host.resolver = TreeResolver([*host.resolver.trees, Tree(real, "carl", is_linked_home=True)])
    host.locator = replace(host.locator, serving=Serving(host.resolver), copies=Copies(host.resolver, host.contents))
    host.directory.given.append(Site("carl", ("carl.example",), (host.route("carl/www"),)))
    location = host.locate("http://carl.example/a.jpg")
    assert (location.outcome, location.customer) == (LocationKind.FILE, "carl")
    assert location.files[0].upload.place == Place(real, b"www/a.jpg")


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a link to another owner: needs root")
def test_a_link_of_somebody_elses_does_not(host: Host, tmp_path: Path) -> None:
    host.file("bob/www/a.jpg")
    os.symlink(host.root, tmp_path / "link")
    os.lchown(tmp_path / "link", 12345, 12345)
    route = PathRoute(Matching.PREFIX, "/", os.fsencode(tmp_path / "link/bob/www"))
    host.directory.given.append(Site("bob", ("b2.example",), (route,)))
    assert host.locate("http://b2.example/a.jpg").reason == "link"


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a link to another owner: needs root")
def test_nor_does_the_administrators_link_to_a_customers_link(host: Host, tmp_path: Path) -> None:
    host.file("bob/www/a.jpg")
    os.symlink(host.root / "bob/www", host.root / "anna/site")
    os.lchown(host.root / "anna/site", 12345, 12345)
    os.symlink(host.root / "anna/site", tmp_path / "link")
    route = PathRoute(Matching.PREFIX, "/", os.fsencode(tmp_path / "link"))
    host.directory.given.append(Site("a2", ("a2.example",), (route,)))
    assert host.locate("http://a2.example/a.jpg").reason == "link"


def test_our_own_quarantine_is_never_shown(host: Host) -> None:
    (host.root / ".goodhoster").mkdir(mode=0o700)
    host.file(".goodhoster/x")
    host.directory.given.append(Site("x", ("x.example",), (host.route("."),)))
    assert host.locate("http://x.example/.goodhoster/x").outcome is LocationKind.AMBIGUOUS


@pytest.mark.parametrize("directories", [[], [MemoryDirectory([])]])
def test_without_any_site_nothing_is_told_away(host: Host, directories: list[MemoryDirectory]) -> None:
    bare = Locator(SiteMapCache(directories), host.locator.serving, host.locator.copies)
    location = bare.locate(ReadItem(("http://other.example/",)))
    assert (location.outcome, location.reason) == (LocationKind.AMBIGUOUS, "no-directory")


def test_a_site_that_was_just_added_is_looked_for_before_it_is_called_not_ours(host: Host) -> None:
    assert host.locate("http://anna.example/").outcome is not LocationKind.NOT_OURS
    host.directory.given.append(Site("new", ("new.example",), (host.route("anna/www"),)))
    host.now += 11
    assert host.locator.ours(["new.example"]) == {"new.example"}
    assert host.locate("http://new.example/").outcome is LocationKind.DYNAMIC


def test_who_names_hosts_of_others_has_slow_directories_read_no_more_than_any_other(host: Host) -> None:
    read = []

    class Slow(MemoryDirectory):
        def sites(self) -> Sequence[Site]:
            host.now += 5
            read.append(host.now)
            return super().sites()

    maps = SiteMapCache([Slow(host.directory.given)], lambda: host.now)
    locator = Locator(maps, host.locator.serving, host.locator.copies)
    for _ in range(50):
        locator.locate(ReadItem(("http://elsewhere.test/",)))
        host.now += 1
    assert len(read) == 1


def test_the_map_is_kept_for_a_while_and_its_trouble_is_told(host: Host) -> None:
    assert host.locate("http://new.example/").outcome is LocationKind.NOT_OURS
    host.directory.given.append(Site("new", ("new.example",), (host.route("anna/www"),)))
    assert host.locate("http://new.example/").outcome is LocationKind.NOT_OURS
    host.now = FRESH + 1
    assert host.locate("http://new.example/").outcome is LocationKind.DYNAMIC
    host.directory.trouble = PassingError("made up")
    host.now *= 3
    with pytest.raises(PassingError):
        host.locate("http://new.example/")


def test_the_same_host_on_two_ports(host: Host) -> None:
    moved = (PathRoute(Matching.PREFIX, "/", None),)
    host.directory.given[1:] = [
        Site("bob", ("bob.example",), moved, ports=(80,)),
        Site("bob", ("bob.example",), (host.route("bob/www"),), ports=(443,)),
    ]
    host.file("bob/www/a.jpg")
    assert host.locate("https://bob.example/a.jpg").outcome is LocationKind.FILE
    assert host.locate("http://bob.example/a.jpg").outcome is LocationKind.FILE, (
        "what port 80 sends on is gone from 443, too"
    )
    assert host.locate("http://bob.example/none.jpg").outcome is LocationKind.DYNAMIC


def test_a_port_that_nobody_serves_there_is_a_persons(host: Host) -> None:
    host.file("bob/www/a.jpg")
    host.directory.given[1:] = [Site("bob", ("bob.example",), (host.route("bob/www"),), ports=(80, 8080))]
    assert host.locate("http://bob.example:8080/a.jpg").outcome is LocationKind.FILE
    location = host.locate("http://bob.example:9000/a.jpg")
    assert (location.outcome, location.reason) == (LocationKind.AMBIGUOUS, "port")
    host.file("anna/www/a.jpg")
    assert host.locate("http://anna.example:8080/a.jpg").reason == "port", "a list tells no ports"


def test_every_copy_is_found(host: Host) -> None:
    for name in (
        "photo.jpg",
        "photo-300x200.jpg",
        "photo-1024x768.jpg",
        "photo-scaled.jpg",
        "photo.jpg.webp",
        "photo@2x.jpg",
    ):
        host.file(f"anna/www/{name}")
    for name in ("photos.jpg", "photo-album.jpg", "photo.txt", "my-photo.jpg"):
        host.file(f"anna/www/{name}")
    host.file("bob/www/same.jpg", "anna/www/photo.jpg")
    host.file("bob/www/small.jpg", "anna/www/photo-300x200.jpg")
    os.link(host.root / "anna/www/photo.jpg", host.root / "bob/www/hard.jpg")
    host.indexed("anna/www/photo.jpg", "bob/www/same.jpg", "bob/www/small.jpg", "bob/www/hard.jpg")
    found = host.names(host.locate("http://anna.example/photo.jpg"))
    assert next(iter(found)) == "anna/www/photo.jpg"
    assert found == {
        "anna/www/photo.jpg": FoundBy.URL,
        "anna/www/photo-300x200.jpg": FoundBy.VARIANT,
        "anna/www/photo-1024x768.jpg": FoundBy.VARIANT,
        "anna/www/photo-scaled.jpg": FoundBy.VARIANT,
        "anna/www/photo.jpg.webp": FoundBy.VARIANT,
        "anna/www/photo@2x.jpg": FoundBy.VARIANT,
        "bob/www/hard.jpg": FoundBy.SAME_FILE,
        "bob/www/same.jpg": FoundBy.SAME_CONTENT,
        "bob/www/small.jpg": FoundBy.SAME_CONTENT,
    }
    assert set(host.names(host.locate("http://anna.example/photo-300x200.jpg"))) == set(found)


def test_of_what_each_is_a_copy(host: Host) -> None:
    for name in ("photo.jpg", "photo-300x200.jpg"):
        host.file(f"anna/www/{name}")
    host.file("bob/www/same.jpg", "anna/www/photo.jpg")
    host.file("bob/www/small.jpg", "anna/www/photo-300x200.jpg")
    host.indexed("bob/www/same.jpg", "bob/www/small.jpg")
    files = host.locate("http://anna.example/photo.jpg").files
    assert {file.upload.place.path: file.original and file.original.path for file in files} == {
        b"anna/www/photo.jpg": None,
        b"anna/www/photo-300x200.jpg": b"anna/www/photo.jpg",
        b"bob/www/same.jpg": b"anna/www/photo.jpg",
        b"bob/www/small.jpg": b"anna/www/photo-300x200.jpg",
    }


@pytest.mark.parametrize("url", ["files/2026/a.jpg", "files/styles/large/public/2026/a.jpg.webp"])
def test_what_drupal_makes_of_a_picture_is_found_from_either_side(host: Host, url: str) -> None:
    names = [
        "files/2026/a.jpg",
        "files/styles/large/public/2026/a.jpg",
        "files/styles/large/public/2026/a.jpg.webp",
        "files/styles/thumb/public/2026/a.jpg",
    ]
    for name in (*names, "files/styles/thumb/public/2026/b.jpg", "files/styles/thumb/public/a.jpg"):
        host.file(f"anna/www/{name}")
    found = host.names(host.locate(f"http://anna.example/{url}"))
    assert set(found) == {f"anna/www/{name}" for name in names}
    assert {by for name, by in found.items() if not name.endswith(url)} == {FoundBy.DERIVED}


def test_what_was_made_of_a_picture_that_is_gone_is_found(host: Host) -> None:
    host.file("anna/www/w/images/thumb/a/ab/Rug.jpg/120px-Rug.jpg")
    host.file("anna/www/w/images/a/ab/other.jpg")
    (beside,) = host.locate("http://anna.example/w/images/a/ab/Rug.jpg").beside
    assert (beside.found_by, beside.upload.place.path) == (
        FoundBy.DERIVED,
        b"anna/www/w/images/thumb/a/ab/Rug.jpg/120px-Rug.jpg",
    )


def test_other_sizes_of_a_file_that_is_gone_are_told_apart_from_it(host: Host) -> None:
    host.file("anna/www/photo-300x200.jpg")
    host.file("bob/www/small.jpg", "anna/www/photo-300x200.jpg")
    host.indexed("anna/www/photo-300x200.jpg", "bob/www/small.jpg")
    location = host.locate("http://anna.example/photo.jpg")
    assert (location.outcome, location.reason, location.files) == (LocationKind.DYNAMIC, "missing", ())
    assert [file.upload.place.path for file in location.beside] == [b"anna/www/photo-300x200.jpg", b"bob/www/small.jpg"]
    nowhere = host.locate("http://anna.example/nowhere/photo.jpg")
    assert (nowhere.reason, nowhere.beside) == ("missing", ())


def test_the_index_is_only_a_hint(host: Host) -> None:
    host.file("anna/www/a.jpg", "same")
    for name in ("gone.jpg", "changed.jpg", "linked.jpg"):
        host.file(f"bob/www/{name}", "same")
    host.indexed("bob/www/gone.jpg", "bob/www/changed.jpg", "bob/www/linked.jpg")
    (host.root / "bob/www/gone.jpg").unlink()
    host.file("bob/www/changed.jpg", "other")
    (host.root / "bob/www/linked.jpg").unlink()
    os.symlink(host.root / "anna/www/a.jpg", host.root / "bob/www/linked.jpg")
    assert set(host.names(host.locate("http://anna.example/a.jpg"))) == {"anna/www/a.jpg"}


def test_empty_files_are_no_copies_of_one_another(host: Host) -> None:
    for name in ("anna/www/a.jpg", "bob/www/b.jpg"):
        host.file(name).write_text("")
    host.indexed("anna/www/a.jpg", "bob/www/b.jpg")
    assert set(host.names(host.locate("http://anna.example/a.jpg"))) == {"anna/www/a.jpg"}


def test_names_of_ours_among_others(host: Host) -> None:
    names = ("www.anna.example", "anna.example.org", "bob.example", "192.0.2.7", "198.51.100.9", "bob")
    assert host.locator.ours(names) == {"www.anna.example", "bob.example", "192.0.2.7"}


def test_names_beyond_ascii_are_one_name_in_site_lists_and_notices(host: Host) -> None:
    host.directory.given = [Site("anna", ("stra\u00dfe.example",), (host.route("anna/www"),))]
    host.file("anna/www/a.jpg")
    assert host.locate("http://strasse.example/a.jpg").outcome is LocationKind.NOT_OURS
    for name in ("stra\u00dfe.example", "STRA\u00dfE.example", "xn--strae-oqa.example"):
        assert host.locate(f"http://{name}/a.jpg").outcome is LocationKind.FILE


def test_an_address_that_cannot_be_stops_no_other(host: Host) -> None:
    host.file("bob/www/a.jpg")
    assert host.locate("http://foo.09../a.jpg").outcome is LocationKind.AMBIGUOUS
    assert host.locate("http://bob.example/a.jpg").outcome is LocationKind.FILE


def test_what_cannot_be_followed_of_one_host_stops_no_other(host: Host) -> None:
    host.file("anna/www/a.jpg")
    host.directory.given.append(Site("", ("odd.example", "*.odd.example"), (), trouble="line 3: what frobnicate does"))
    for url in ("http://odd.example/a.jpg", "http://x.odd.example/"):
        location = host.locate(url)
        assert (location.outcome, location.reason) == (LocationKind.AMBIGUOUS, "configuration")
        assert "frobnicate" in location.detail
    assert host.locate("http://anna.example/a.jpg").outcome is LocationKind.FILE
    assert host.locate("http://other.example/a.jpg").outcome is LocationKind.NOT_OURS
    assert host.locator.site_maps.troubles() == ["line 3: what frobnicate does"]


@pytest.mark.parametrize("site", [Site("", (), (), trouble="sites/x.conf cannot be read"), Site("", ("~^(?P<a",), ())])
def test_while_a_name_cannot_be_told_no_host_is_called_anothers(host: Host, site: Site) -> None:
    host.file("anna/www/a.jpg")
    host.directory.given.append(site)
    location = host.locate("http://other.example/a.jpg")
    assert (location.outcome, location.reason) == (LocationKind.AMBIGUOUS, "configuration")
    assert host.locate("http://anna.example/a.jpg").outcome is LocationKind.FILE


def test_a_configuration_that_became_wrong_is_followed_as_it_was(host: Host) -> None:
    """The web server goes on with it, too, until it is right again."""
    host.file("anna/www/a.jpg")
    assert host.locate("http://anna.example/a.jpg").outcome is LocationKind.FILE
    host.directory.trouble = ConfigurationError("nginx -T ended with 1", hint="run it by hand")
    host.now = FRESH + 1
    assert host.locate("http://anna.example/a.jpg").outcome is LocationKind.FILE
    assert host.locate("http://new.example/a.jpg").reason == "configuration"
    assert host.locator.site_maps.troubles() == ["memory: nginx -T ended with 1"]


def test_of_a_configuration_that_was_never_right_nothing_is_told(host: Host) -> None:
    host.directory.trouble = ConfigurationError("nginx -T ended with 1", hint="run it by hand")
    with pytest.raises(ConfigurationError):
        host.locate("http://anna.example/a.jpg")


class Redirecting:
    """The rules of a site that sends everybody elsewhere."""

    def __init__(self, url: str) -> None:
        self.url = url

    def shown(self, asked: SiteRequest, disk: FilesOnDisk) -> list[Shown]:
        del asked, disk
        return [Shown(ShownKind.REDIRECT, url=self.url)]


@pytest.mark.parametrize(
    ("to", "outcome", "url"),
    [
        ("http://bob.example/a.jpg", LocationKind.FILE, "http://old.example/x"),
        ("http://bob.example/app/x", LocationKind.DYNAMIC, "http://bob.example/app/x"),
        ("http://elsewhere.example/a.jpg", LocationKind.DYNAMIC, "http://old.example/x"),
        ("http://old.example/y", LocationKind.DYNAMIC, "http://old.example/x"),
        ("http://bob.example:9000/a.jpg", LocationKind.AMBIGUOUS, "http://bob.example:9000/a.jpg"),
        ("javascript:alert(1)", LocationKind.DYNAMIC, "http://old.example/x"),
    ],
)
def test_where_a_site_redirects_to_another_of_ours_the_file_there_is_meant(
    host: Host, to: str, outcome: LocationKind, url: str
) -> None:
    host.file("bob/www/a.jpg")
    host.directory.given.append(Site("old", ("old.example",), (host.route("anna/www"),), rules=Redirecting(to)))
    location = host.locate("http://old.example/x")
    assert location.outcome is outcome
    if to != "http://old.example/y":
        assert location.url == url
    if outcome is LocationKind.FILE:
        assert host.names(location) == {"bob/www/a.jpg": FoundBy.URL}


def test_a_site_for_any_name_may_show_an_unknown_one(host: Host) -> None:
    host.file("bob/www/a.jpg")
    host.directory.given.append(Site("bob", (), (host.route("bob/www"),), default=True))
    location = host.locate("http://stranger.example/a.jpg")
    assert (location.outcome, location.reason) == (LocationKind.AMBIGUOUS, "catch-all")
    assert host.locate("http://stranger.example/none.jpg").outcome is LocationKind.NOT_OURS
    assert host.locate("http://stranger.example/a.jpg", ip="198.51.100.9").outcome is LocationKind.NOT_OURS
    assert host.locate("http://stranger.example/a.jpg", ip="192.0.2.7").outcome is LocationKind.FILE


def test_each_port_has_the_first_site_of_that_name(host: Host) -> None:
    host.file("anna/www/a.jpg")
    host.file("bob/www/a.jpg", "another")
    host.directory.given[:] = [
        Site("anna", ("x.example",), (host.route("anna/www"),), ports=(80,)),
        Site("bob", ("*.example",), (host.route("bob/www"),), ports=(80, 443)),
    ]
    assert host.locate("http://x.example/a.jpg").customer == "anna"
    assert host.locate("https://x.example/a.jpg").customer == "bob"


FREE_TEXT = sorted((Path(__file__).parents[2] / "formats" / "notices").glob("free-text-*.eml"))


@pytest.mark.parametrize("sample", FREE_TEXT, ids=lambda sample: sample.stem)
def test_what_free_text_names_is_that_file_and_none_beside_it(host: Host, sample: Path) -> None:
    host.directory.given = [Site("anna", ("anna.nt.example",), (host.route("anna/www"),))]
    named = {"a.jpg", "b.jpg", "it's.jpg", "my photo.jpg", "galerie/urlaub.jpg", "photos/x.jpg"}
    for name in (*named, "index.html", "photos/index.html", "galerie/index.html", "my", "it", "myphoto.jpg", "pho"):
        host.file(f"anna/www/{name}")
    read_as = read(RawNotice(Carrier.MAIL, sample.read_bytes()))
    found = [host.locator.locate(item) for item in read_as.items]
    ours = [location for location in found if location.outcome is not LocationKind.NOT_OURS]
    assert ours
    for location in ours:
        assert location.outcome is LocationKind.FILE
        assert location.files[0].upload.place.path.decode().removeprefix("anna/www/") in named


def test_what_lies_in_a_customers_network_is_never_told_away(host: Host) -> None:
    owners = {"203.0.113.7": ("eve",), "203.0.113.9": ("eve", "bob"), "2001:db8::7": ("eve",)}
    host.locator = replace(host.locator, own_servers=lambda address: owners.get(address, ()))

    for url, ip in [
        ("http://203.0.113.7/a.jpg", ""),
        ("http://[2001:db8::7]/a.jpg", ""),
        ("https://elsewhere.example/a.jpg", "203.0.113.7"),
    ]:
        found = host.locate(url, ip=ip)
        assert (found.outcome, found.reason, found.customer) == (LocationKind.AMBIGUOUS, "customer-network", "eve")
    both = host.locate("http://203.0.113.9/a.jpg")
    assert (both.customer, "eve and bob" in both.detail) == ("", True)
    assert host.locate("http://203.0.113.8/a.jpg").outcome is LocationKind.NOT_OURS
    # A site of ours stays ours, whatever address the notice names.
    host.file("anna/www/a.jpg")
    assert host.locate("https://anna.example/a.jpg", ip="203.0.113.7").outcome is LocationKind.FILE
