import io
import tarfile

import pytest

from goodhoster.checking.members import members_of, opener_of
from goodhoster.errors import UncheckedError
from goodhoster.model.limits import ReadingLimits
from goodhoster.testing.hostile import tar_of


def claiming(size: int) -> bytes:
    """A TAR file that ends within its first member, which is no picture and so is passed over."""
    entry = tarfile.TarInfo("a.jpg")
    entry.size = size
    return entry.tobuf(tarfile.GNU_FORMAT) + bytes(8192)


@pytest.mark.parametrize("size", [1 << 30, 1 << 50])
def test_a_tar_that_claims_more_than_it_has_is_broken_at_once(size: int) -> None:
    content = claiming(size)
    opener = opener_of(content)
    assert opener
    with pytest.raises(UncheckedError, match="is broken") as caught:
        list(members_of(io.BytesIO(content), opener, ReadingLimits()))
    assert caught.value.reason == "broken-archive"


def test_a_tar_without_its_closing_blocks_is_read() -> None:
    picture = b"\xff\xd8\xff\xe0" + bytes(508)
    content = tar_of({"a.jpg": picture})[:1024]
    opener = opener_of(content)
    assert opener
    assert len(list(members_of(io.BytesIO(content), opener, ReadingLimits()))) == 1
