"""Private communication is left alone by default, and nobody hides a picture in what looks like it."""

import os
from pathlib import Path

import pytest

from goodhoster.audit.log import FileAuditLog
from goodhoster.errors import SourceUnavailableError
from goodhoster.settings import load
from goodhoster.uploads.docroots import Docroots
from goodhoster.uploads.private_communication import home_of_store, is_spool, note_private_watching
from goodhoster.uploads.trees import Tree

MESSAGE = b"1700000000.M1P2.mail,S=99:2,S"


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(bytes(tmp_path), None)


def write(tree: Tree, path: bytes, content: bytes = b"x") -> bytes:
    whole = os.path.join(tree.root, path)
    os.makedirs(os.path.dirname(whole), exist_ok=True)
    with open(whole, "wb") as file:
        file.write(content)
    return whole


def maildir(tree: Tree, path: bytes) -> None:
    for name in (b"cur", b"new", b"tmp"):
        os.makedirs(os.path.join(tree.root, path, name), exist_ok=True)


@pytest.mark.parametrize(
    "directory",
    [
        b"/var/mail",
        b"/var/mail/alice",
        b"/var/spool/mail",
        b"/var/vmail/example.org/alice/cur",
        b"/var/qmail/mailnames/example.org",
        b"/var/lib/prosody/example%2eorg",
        b"/var/lib/matrix-synapse/media_store/local_content",
        b"/home/alice/.thunderbird/x.default/Mail",
        b"/srv/customers/alice/.purple/logs/icq",
        b"/srv/customers/alice/.local/share/TelegramDesktop/tdata",
    ],
)
def test_where_mail_and_chats_are_kept_is_private(directory: bytes) -> None:
    assert is_spool(directory) or home_of_store(directory) is not None


@pytest.mark.parametrize(
    "directory", [b"/srv/customers/alice/www", b"/var/mailings", b"/var/www/mail", b"/srv/alice/.purple", b"/var"]
)
def test_other_directories_are_not(directory: bytes) -> None:
    assert not is_spool(directory)
    assert home_of_store(directory) is None


@pytest.mark.parametrize("folder", [b"cur", b"new", b"tmp"])
def test_messages_in_a_maildir_are_left_alone(tree: Tree, folder: bytes) -> None:
    maildir(tree, b"alice/Maildir/.Sent")
    assert tree.place_of(write(tree, b"alice/Maildir/.Sent/" + folder + b"/" + MESSAGE)) is None


@pytest.mark.parametrize("name", [b"a.jpg", b"index.html", b"1.jpg", b"20240101.jpg"])
def test_a_picture_hidden_in_a_maildir_is_an_upload(tree: Tree, name: bytes) -> None:
    maildir(tree, b"mallory/www")
    assert tree.place_of(write(tree, b"mallory/www/cur/" + name)) is not None


def test_a_directory_that_only_has_such_a_name_is_no_maildir(tree: Tree) -> None:
    os.makedirs(os.path.join(tree.root, b"alice/www/cur"))
    os.symlink(b"cur", os.path.join(tree.root, b"alice/www/new"))
    assert tree.place_of(write(tree, b"alice/www/tmp/" + MESSAGE)) is not None


@pytest.mark.parametrize("path", [b"alice/mbox", b"alice/mail/family", b"alice/Archive.mbox", b"alice/Sent"])
def test_a_mailbox_is_left_alone(tree: Tree, path: bytes) -> None:
    assert tree.place_of(write(tree, path, b"From alice@example.org Mon Jan  1 00:00:00 2024\n")) is None


@pytest.mark.parametrize("path", [b"alice/mbox", b"alice/mail/family.jpg", b"alice/Archive.mbox", b"alice/Sent"])
def test_what_is_only_called_a_mailbox_is_an_upload(tree: Tree, path: bytes) -> None:
    assert tree.place_of(write(tree, path, b"\xff\xd8\xff\xe0 made up")) is not None


@pytest.mark.parametrize("path", [b"alice/mdbox/storage/m.12", b"alice/dbox-Mails/u.7"])
def test_dovecots_own_formats_are_left_alone(tree: Tree, path: bytes) -> None:
    assert tree.place_of(write(tree, path)) is None


JPEG, FILM, PACKED = b"\xff\xd8\xff\xe0 made up", b"\x1a\x45\xdf\xa3 made up", b"PK\3\4 made up"
HIDDEN = [
    b".thunderbird/x.default/Mail/a",
    b"photos/.purple/logs/icq/1",
    b".weechat/logs/a.weechatlog",
    b".config/Signal/attachments/1",
    b"dbox-Mails/u.1",
    b"storage/m.1",
    b"Maildir/cur/" + MESSAGE,
]


@pytest.mark.parametrize("path", HIDDEN)
@pytest.mark.parametrize("content", [JPEG, FILM, PACKED])
@pytest.mark.parametrize("docroot", [b"public_html", b"www", b"example.org/httpdocs"])
def test_below_a_docroot_a_picture_is_an_upload_whatever_it_is_called(
    tree: Tree, docroot: bytes, content: bytes, path: bytes
) -> None:
    maildir(tree, b"mallory/" + docroot + b"/Maildir")
    assert tree.place_of(write(tree, b"mallory/" + docroot + b"/" + path, content)) is not None


@pytest.mark.parametrize("path", HIDDEN)
def test_what_begins_as_mail_is_left_alone_there_too(tree: Tree, path: bytes) -> None:
    maildir(tree, b"alice/www/Maildir")
    assert tree.place_of(write(tree, b"alice/www/" + path, b"Return-Path: <made-up@example.org>\n")) is None


@pytest.mark.parametrize("path", HIDDEN)
def test_outside_of_a_docroot_nothing_is_opened_to_see(tree: Tree, path: bytes) -> None:
    maildir(tree, b"alice/Maildir")
    assert tree.place_of(write(tree, b"alice/" + path, JPEG)) is None
    assert tree.place_of(write(tree, b"alice/.thunderbird/www/a", JPEG)) is None  # its own folder is no docroot


def test_the_spool_of_a_mail_server_stays_private_below_any_docroot() -> None:
    everything = Docroots(lambda: [b"/var"])
    spool = Tree(b"/var/vmail", None, docroots=everything)
    assert everything.serves(b"/var/vmail/example.org")
    assert spool.leaves_alone(b"example.org/alice/Maildir/cur")


def test_docroots_that_a_directory_names_count_and_no_others(tree: Tree) -> None:
    named = Docroots(lambda: [os.path.join(tree.root, b"mallory/site")])
    served = Tree(tree.root, None, docroots=named)
    path = b"/.thunderbird/x/a"
    assert served.place_of(write(tree, b"mallory/site" + path, JPEG)) is not None
    assert served.place_of(write(tree, b"mallory/site-of-none" + path, JPEG)) is None
    assert served.place_of(write(tree, b"mallory/www" + path, JPEG)) is None


def test_while_a_directory_does_not_answer_the_usual_names_count(tree: Tree) -> None:
    def fails() -> list[bytes]:
        raise SourceUnavailableError("nginx does not answer", reason="unreachable")

    unknown = Tree(tree.root, None, docroots=Docroots(fails))
    assert unknown.place_of(write(tree, b"mallory/www/.thunderbird/a", JPEG)) is not None
    assert unknown.place_of(write(tree, b"mallory/home/.thunderbird/a", JPEG)) is None


def test_a_docroot_that_is_the_whole_machine_makes_no_mail_public(tree: Tree) -> None:
    served = Tree(tree.root, None, docroots=Docroots(lambda: [b"/"]))
    assert served.place_of(write(tree, b"alice/.thunderbird/a", JPEG)) is None


def test_with_a_written_reason_everything_is_covered(tree: Tree) -> None:
    maildir(tree, b"alice/Maildir")
    ordered = Tree(tree.root, None, "order 12/2026 of the court")
    assert ordered.place_of(write(tree, b"alice/Maildir/cur/" + MESSAGE)) is not None
    assert ordered.place_of(write(tree, b"alice/.thunderbird/x/INBOX")) is not None


def test_the_reason_lands_in_the_audit_log(tree: Tree, tmp_path: Path) -> None:
    audit = FileAuditLog(tmp_path / "audit.log")
    note_private_watching(audit, [tree, Tree(b"/var/mail", "mail", "order 12/2026 of the court")])
    (entry,) = audit.entries()
    assert entry.event.kind == "watch.private-communication"
    assert entry.event.data == {"tree": "/var/mail", "reason": "order 12/2026 of the court"}


def test_the_setting_is_a_written_reason_and_off_by_default(tmp_path: Path) -> None:
    file = tmp_path / "goodhoster.toml"
    file.write_text('[[watch]]\npath = "/a"\n[[watch]]\npath = "/b"\ninclude_private_communication = "order 12"\n')
    assert [watch.include_private_communication for watch in load(file).watches] == [None, "order 12"]
