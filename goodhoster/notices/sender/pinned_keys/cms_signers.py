"""Digest and time that a CMS signature (RFC 5652) states about itself.

openssl reports neither in a safe form.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from goodhoster.notices.sender.pinned_keys import der
from goodhoster.notices.sender.pinned_keys.der import DerElement

_SIGNED_DATA = bytes.fromhex("2a864886f70d010702")  # 1.2.840.113549.1.7.2
_SIGNING_TIME = bytes.fromhex("2a864886f70d010905")  # 1.2.840.113549.1.9.5
_DIGESTS = {
    bytes.fromhex("608648016503040201"): "SHA-256",  # 2.16.840.1.101.3.4.2.1
    bytes.fromhex("608648016503040202"): "SHA-384",
    bytes.fromhex("608648016503040203"): "SHA-512",
}
_SIGNED_ATTRIBUTES, _CONTENT = 0xA0, 0xA0


@dataclass(frozen=True, slots=True)
class CmsSigner:
    """The one signer of a signature."""

    digest: str
    """Name of a digest of today; empty for any other."""
    signed_at: datetime | None
    """By the signer's own clock; itself signed."""


def signer_of(signature: bytes) -> CmsSigner:
    """Signer in the DER of a signed-data structure.

    ValueError when it is no such structure, or does not have exactly one signer.
    """
    kind, wrapped = der.element_of(signature).expect(der.SEQUENCE).parts()
    if kind != DerElement(der.OID, _SIGNED_DATA):
        raise ValueError("it is not signed-data")
    (signed_data,) = wrapped.expect(_CONTENT).parts()
    (signer,) = signed_data.expect(der.SEQUENCE).parts()[-1].expect(der.SET).parts()
    _, _, digest, attributes, *_ = signer.expect(der.SEQUENCE).parts()
    algorithm = digest.expect(der.SEQUENCE).parts()[0]
    return CmsSigner(_DIGESTS.get(algorithm.content, ""), _signing_time(attributes))


def _signing_time(attributes: DerElement) -> datetime | None:
    """Signing time; None when there is not exactly one, or it is not valid DER."""
    if attributes.tag != _SIGNED_ATTRIBUTES:
        return None
    pairs = [attribute.parts() for attribute in attributes.parts()]
    values = [value.parts() for kind, value in pairs if kind == DerElement(der.OID, _SIGNING_TIME)]
    return _moment(values[0][0]) if len(values) == 1 and len(values[0]) == 1 else None


def _moment(written: DerElement) -> datetime | None:
    form = {der.UTC_TIME: "%y%m%d%H%M%SZ", der.GENERALIZED_TIME: "%Y%m%d%H%M%SZ"}.get(written.tag)
    try:
        found = datetime.strptime(written.content.decode("ascii"), form) if form else None  # noqa: DTZ007 - Z is UTC
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found else None
