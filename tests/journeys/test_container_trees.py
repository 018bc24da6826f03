"""Volumes of containers and roots of LXC as trees: what stands in docs/how-to-containers.md, with a real daemon."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.journeys.host import Host, Look, sha1_of

KNOWN = b"a made-up known file"
SHIFT = 100_000
"""Of the user ids of an unprivileged container."""
Overlay = Callable[[Path, Path], Path]


@pytest.fixture
def overlay(may_mount: None, host: Host) -> Iterator[Overlay]:
    """`overlay(lower, merged)` mounts an overlay; its upper layer is a tmpfs beside."""
    with ExitStack() as mounted:

        def mount(lower: Path, merged: Path) -> Path:
            layers = host.folder / "layers"
            layers.mkdir()
            subprocess.run(["mount", "-t", "tmpfs", "none", layers], check=True)
            mounted.callback(_unmount, layers)
            (layers / "upper").mkdir()
            (layers / "work").mkdir()
            merged.mkdir(parents=True, exist_ok=True)
            options = f"lowerdir={lower},upperdir={layers}/upper,workdir={layers}/work"
            done = subprocess.run(["mount", "-t", "overlay", "none", "-o", options, merged], check=False)
            if done.returncode:
                pytest.skip("this kernel mounts no overlay here")
            mounted.callback(_unmount, merged)
            return layers / "upper"

        yield mount


def _unmount(point: Path) -> None:
    subprocess.run(["umount", "--lazy", point], check=False)


def known(host: Host) -> None:
    host.service.known = {sha1_of(KNOWN)}


def offline_and_back(host: Host, *seen_at: Path) -> None:
    """The file goes from every place where it is seen, and comes back as it was."""
    (case,) = [case for case in host.offline(*seen_at) if case["state"] == "offline"]
    host.run("cases", "restore", str(case["id"]), "--reason", "test")
    assert [path.read_bytes() for path in seen_at] == [KNOWN] * len(seen_at)


def test_a_volume_that_a_container_writes_to_through_its_own_mount(host: Host, bind: Callable[..., object]) -> None:
    """`customers` is /var/lib/docker/volumes, the container sees one volume elsewhere and writes there."""
    known(host)
    volume = host.customers / "shop" / "_data"
    volume.mkdir(parents=True)
    inside = host.folder / "container-root"
    bind(volume, inside)
    host.start()
    (inside / "upload.jpg").write_bytes(KNOWN)
    offline_and_back(host, volume / "upload.jpg", inside / "upload.jpg")
    assert host.cases()[0]["customer"] == "shop"


def test_a_volume_on_a_disk_of_its_own_below_the_tree(host: Host, disk: Callable[..., Path]) -> None:
    known(host)
    (host.customers / "shop").mkdir()
    volume = disk("tmpfs", at=host.customers / "shop" / "_data")
    host.start()
    (volume / "upload.jpg").write_bytes(KNOWN)
    offline_and_back(host, volume / "upload.jpg")


def test_the_root_of_a_running_container_is_its_merged_directory(host: Host, overlay: Overlay) -> None:
    """A file of the image (lower layer) and one that was uploaded (upper layer): both, through the merged directory."""
    known(host)
    lower = host.folder / "image"
    (lower / "srv").mkdir(parents=True)
    (lower / "srv/of-the-image.jpg").write_bytes(b"known, and part of the image")
    host.service.known |= {sha1_of(b"known, and part of the image")}
    merged = host.customers / "shop" / "merged"
    overlay(lower, merged)
    host.start()
    (merged / "srv/upload.jpg").write_bytes(KNOWN)
    host.run("scan", str(host.customers), code=1)
    files = [merged / "srv/upload.jpg", merged / "srv/of-the-image.jpg"]
    found = host.offline(*files)
    assert (lower / "srv/of-the-image.jpg").exists(), "the image itself is not touched: other containers have it too"
    cases = [str(case["id"]) for case in found if case["state"] == "offline"]
    host.run("cases", "restore", *cases, "--reason", "test")
    assert files[0].read_bytes() == KNOWN
    assert files[1].read_bytes() == b"known, and part of the image"


def test_files_of_an_unprivileged_container_keep_their_shifted_owner(host: Host, may_mount: None) -> None:
    """LXC: uid 33 in the container is 100033 here, and 0 there is nobody's account here."""
    known(host)
    root = host.customers / "shop" / "rootfs" / "var/www/html"
    root.mkdir(parents=True)
    for folder in (root, *root.parents[:4]):
        os.chown(folder, SHIFT, SHIFT)
    root.chmod(0o700)
    host.start()
    draft = host.folder / "draft"
    draft.write_bytes(KNOWN)
    draft.chmod(0o640)
    os.chown(draft, SHIFT + 33, SHIFT + 33)
    os.utime(draft, (1_700_000_000, 1_700_000_000))
    before = Look.at(draft)
    os.rename(draft, root / "upload.jpg")
    (case,) = host.offline(root / "upload.jpg")
    host.run("cases", "restore", str(case["id"]), "--reason", "test")
    assert Look.at(root / "upload.jpg") == before


def test_a_layer_below_a_running_container_is_not_what_it_sees(host: Host, overlay: Overlay) -> None:
    """Why layers are no trees: what is taken from below a mounted overlay is still served through it.

    Linux calls the effect undefined; where this fails, a kernel does better, and docs/how-to-containers.md may say so.
    """
    lower = host.folder / "image"
    lower.mkdir()
    merged = host.folder / "merged"
    upper = overlay(lower, merged)
    (merged / "upload.jpg").write_bytes(KNOWN)
    assert (merged / "upload.jpg").read_bytes() == KNOWN
    with (merged / "upload.jpg").open("rb") as opened:
        os.rename(upper / "upload.jpg", host.folder / "layers/taken.jpg")
        assert opened.read() == KNOWN
    assert (merged / "upload.jpg").read_bytes() == KNOWN, "Linux keeps what it knows of a layer: gone is not offline"
