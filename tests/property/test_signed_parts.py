"""What holds of every signed mail: the part is cut out as it stood, and no bytes break whoever looks at a signature."""

import re
from contextlib import suppress

from hypothesis import example, given
from hypothesis import strategies as st

from goodhoster.errors import NotWholeError, UnreadableError
from goodhoster.notices.sender.pinned_keys.cms_signers import signer_of
from goodhoster.notices.sender.pinned_keys.openpgp_packets import binary_of, keys_of, tags_of
from goodhoster.notices.sender.pinned_keys.signed_part import signed_part
from tests.partsigners import HEAD, together

LINES = st.lists(st.binary(max_size=60).map(lambda line: re.sub(rb"[\r\n]", b" ", line)), max_size=20)


@given(LINES, st.sampled_from(["application/pkcs7-signature", "application/pgp-signature"]))
@example([b"--b=_1", b"a part that looks like two"], "application/pgp-signature")
@example([b"", b"", b"--b=_2 is no end"], "application/pkcs7-signature")
def test_the_part_is_what_was_signed_or_the_mail_waits(lines: list[bytes], kind: str) -> None:
    content = b"Content-Type: text/plain\r\n\r\n" + b"\r\n".join(lines)
    mail = together(content, b"a signature", kind)
    for raw in (mail, mail.replace(b"\r\n", b"\n")):
        try:
            part = signed_part(raw)
        except NotWholeError:
            assert any(line.startswith(b"--b=_1") for line in lines)
            continue
        assert part is not None
        assert part.content == content


@given(st.binary(max_size=300))
@example(b"\x30\x80" * 50)
@example(b"\x30\x84\xff\xff\xff\xff")
@example(b"\xc6\xff\xff\xff\xff\xff")
@example(b"\x99\x00\x06\x04\x00\x00\x00\x00\x01")
def test_no_bytes_break_who_looks_at_a_signature(data: bytes) -> None:
    for look in (signer_of, binary_of, tags_of, keys_of):
        with suppress(ValueError, LookupError):
            look(data)
    with suppress(NotWholeError, UnreadableError):
        signed_part(HEAD.encode() + data)
