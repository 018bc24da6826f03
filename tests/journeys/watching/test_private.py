"""Private communication is left alone by default (promise G12), by whoever finds it: events, a scan, a move."""

import os
import time

from tests.journeys.watching.world import World, eventually, everything_checked, on_disk, sha256_of_file

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
        eventually(lambda: sha256_of_file(world.path(b"alice/www/picture.jpg")) in world.asked())
        time.sleep(1)
        assert not private & world.asked()


def test_with_a_written_reason_they_are(world: World) -> None:
    world.private_reason = "order 12/2026 of the court"
    assert mail(world, b"alice") <= on_disk(world.tree).keys()
    with world.running_on():
        everything_checked(world)


def test_a_mailbox_that_was_empty_when_it_was_made_is_not_read(world: World) -> None:
    with world.running_on():
        eventually(lambda: not world.watcher.scanning)
        os.makedirs(world.path(b"alice"))
        with open(world.path(b"alice/mbox"), "wb", buffering=0) as file:
            time.sleep(0.2)
            file.write(b"From alice@example.org Mon Jan  1 00:00:00 2024")
            time.sleep(0.5)
        time.sleep(0.5)
        assert sha256_of_file(world.path(b"alice/mbox")) not in world.asked()
