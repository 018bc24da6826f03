"""Private communication is left alone by default (promise G12), by whoever finds it: events, a scan, a move."""

import os
import time

from tests.journeys.watching.world import World, everything_checked, on_disk, sha256_of_file
from tests.waiting import wait_until

MESSAGE = b"1700000000.M1P2.mail:2,S"


def mail(world: World, home: bytes) -> set[bytes]:
    """SHA-256 of what nobody may read."""
    for name in (b"cur", b"new", b"tmp"):
        os.makedirs(world.path(home + b"/Maildir/" + name))
    box = b"From alice@example.org Mon Jan  1 00:00:00 2024\n" + home
    files = [
        world.write(home + b"/Maildir/cur/" + MESSAGE),
        world.write(home + b"/Maildir/new/" + MESSAGE),
        world.write(home + b"/mail/family", box),
        world.write(home + b"/.thunderbird/x.default/INBOX"),
        world.write(home + b"/.purple/logs/icq/a.jpg"),
    ]
    return {sha256_of_file(file) for file in files}


def test_mail_and_chats_are_not_read(world: World) -> None:
    private = mail(world, b"alice/before")
    with world.running_on():
        private |= mail(world, b"alice/after")
        private |= mail(world, b"aside")
        os.rename(world.path(b"aside"), world.path(b"alice/moved"))
        world.reconcile()
        world.write(b"alice/www/picture.jpg")
        assert wait_until(lambda: sha256_of_file(world.path(b"alice/www/picture.jpg")) in world.asked())
        time.sleep(1)
        assert not private & world.asked()


def test_with_a_written_reason_they_are(world: World) -> None:
    world.private_reason = "order 12/2026 of the court"
    assert mail(world, b"alice") <= on_disk(world.tree).keys()
    with world.running_on():
        everything_checked(world)


def test_a_mailbox_that_was_empty_when_it_was_made_is_not_read(world: World) -> None:
    with world.running_on():
        assert wait_until(lambda: not world.watcher.scanning)
        os.makedirs(world.path(b"alice"))
        with open(world.path(b"alice/mbox"), "wb", buffering=0) as file:
            time.sleep(0.2)
            file.write(b"From alice@example.org Mon Jan  1 00:00:00 2024")
            time.sleep(0.5)
        time.sleep(0.5)
        assert sha256_of_file(world.path(b"alice/mbox")) not in world.asked()


PICTURE = b"\x89PNG\r\n\x1a\n made up"


def hidden(world: World, home: bytes) -> bytes:
    """A picture that is called like a message, in a maildir outside of the docroot; its SHA-256."""
    mail(world, home)
    return sha256_of_file(world.write(home + b"/Maildir/cur/1700000001.M1P2.mail:2,S", PICTURE + home))


def test_a_link_below_a_docroot_makes_pictures_in_a_maildir_uploads(world: World) -> None:
    """Whether it was there before, comes, or comes with a directory; messages stay private."""
    before, links, later = (hidden(world, home) for home in (b"anna", b"bert", b"carl"))
    private = {sha256_of_file(world.path(home + b"/Maildir/new/" + MESSAGE)) for home in (b"anna", b"bert", b"carl")}
    os.makedirs(world.path(b"anna/www"))
    os.symlink(b"../Maildir/cur", world.path(b"anna/www/pics"))
    os.makedirs(world.path(b"bert/www"))
    os.makedirs(world.path(b"carl/stuff"))
    with world.running_on():
        assert wait_until(lambda: before in world.asked())
        os.symlink(b"../Maildir", world.path(b"bert/www/pics"))
        assert wait_until(lambda: links in world.asked())
        os.symlink(b"../Maildir/cur", world.path(b"carl/stuff/deep"))
        os.makedirs(world.path(b"carl/aside"))
        os.symlink(b"../stuff", world.path(b"carl/aside/a"))
        os.rename(world.path(b"carl/aside"), world.path(b"carl/www"))
        assert wait_until(lambda: later in world.asked())
        time.sleep(0.5)
        assert not private & world.asked()


def test_a_link_to_one_message_is_one_too_and_what_comes_after_is_seen(world: World) -> None:
    content = hidden(world, b"anna")
    os.makedirs(world.path(b"anna/www"))
    with world.running_on():
        assert wait_until(lambda: not world.watcher.scanning)
        os.symlink(b"../Maildir/cur/1700000001.M1P2.mail:2,S", world.path(b"anna/www/a.png"))
        assert wait_until(lambda: content in world.asked())
        new = world.write(b"anna/Maildir/cur/1700000002.M1P2.mail:2,S", PICTURE + b"new")
        assert wait_until(lambda: sha256_of_file(new) in world.asked())


def test_a_link_opens_nobody_elses_mail_and_none_elsewhere_does(world: World) -> None:
    private = {hidden(world, b"anna"), hidden(world, b"bert")}
    os.makedirs(world.path(b"evil/www"))
    os.symlink(b"../../anna/Maildir/cur", world.path(b"evil/www/pics"))
    os.symlink(world.path(b""), world.path(b"evil/www/all"))
    os.symlink(b"../Maildir/cur", world.path(b"bert/notes"))
    with world.running_on():
        assert wait_until(lambda: not world.watcher.scanning)
        world.write(b"evil/www/picture.jpg")
        assert wait_until(lambda: sha256_of_file(world.path(b"evil/www/picture.jpg")) in world.asked())
        time.sleep(1)
        assert not private & world.asked()
