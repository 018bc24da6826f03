"""The mount table: read anew when it has changed, and what a path lies on."""

import subprocess
from pathlib import Path

from goodhoster.linux.mount_table import MountTable, mount_table
from tests.conftest import Disk

LINES = b"""\
21 1 254:0 / / rw,relatime - ext4 /dev/vda rw
30 21 0:5 / /proc rw - proc proc rw
31 21 7:0 / /srv rw - ext4 /dev/loop0 rw
32 31 7:0 /anna/www /srv/a\\040b rw - ext4 /dev/loop0 rw
33 31 0:44 / /srv/anna rw shared:1 - fuse.sshfs anna@far:/ rw
34 33 0:45 / /srv/anna rw - tmpfs none rw
"""


def test_a_line_is_read_with_what_is_mounted_and_of_which_file_system() -> None:
    mount = MountTable(LINES).by_number[32]
    assert (mount.point, mount.root, mount.device, mount.kind) == (b"/srv/a b", b"/anna/www", b"7:0", "ext4")


def test_what_a_path_lies_on_is_told_by_its_name() -> None:
    table = MountTable(LINES)
    for path, number in (
        (b"/", 21),
        (b"/etc/passwd", 21),
        (b"/srv", 31),
        (b"/srv/annabel/a.jpg", 31),
        (b"/srv/anna", 34),
        (b"/srv/anna/" + b"d/" * 3000 + b"a.jpg", 34),
        (b"/srv/a b/x", 32),
        (b"/proc/1", 30),
    ):
        found = table.carrying(path)
        assert found, path
        assert found.number == number, path


def test_it_is_read_again_when_something_was_mounted_or_unmounted(disk: Disk, tmp_path: Path) -> None:
    before = mount_table()
    assert mount_table() is before
    top = disk("tmpfs", at=tmp_path / "top")
    after = mount_table()
    assert after is not before
    found = after.carrying(bytes(top / "a"))
    assert found
    assert found.point == bytes(top)
    subprocess.run(["mount", "-o", "remount,ro", top], check=True)
    assert mount_table().carrying(bytes(top / "a"))
