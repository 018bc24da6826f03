"""Timestamps of RFC 3161, over HTTP."""

from __future__ import annotations

import re
from pathlib import Path

from cryptography import x509
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder, VerifierBuilder, decode_timestamp_response
from rfc3161_client.errors import VerificationError

from goodhoster.adapters.anchors.http_post import post
from goodhoster.errors import ConfigurationError, PassingError, PermanentError

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


class Rfc3161Authority:
    """See `ports.proof.TimestampAuthority`.

    Trusted are the certificates in the file, those of the authority's issuers: as roots where they are self-signed,
    else as intermediates.
    """

    def __init__(self, name: str, url: str, certificates: Path, within: float = 30.0) -> None:
        self.name = name
        self._url = url
        self._within = within
        self._certificates = _read(certificates)

    def stamp(self, text: bytes) -> bytes:
        """See `ports.proof.TimestampAuthority`."""
        request = TimestampRequestBuilder().data(text).hash_algorithm(HashAlgorithm.SHA256).build()
        answer = post(self._url, request.as_bytes(), "application/timestamp-query", self._within)
        if answer.status != 200:  # noqa: PLR2004 - OK
            raise PassingError(f"{self._url} answers {answer.status}")
        builder = VerifierBuilder.from_request(request)
        for certificate in self._certificates:
            if certificate.issuer == certificate.subject:
                builder = builder.add_root_certificate(certificate)
            else:
                builder = builder.add_intermediate_certificate(certificate)
        try:
            builder.build().verify_message(decode_timestamp_response(answer.body), text)
        except (VerificationError, ValueError) as error:
            message = f"{self._url} does not answer with a timestamp that can be trusted: {error}"
            raise PermanentError(message, hint="see the certificates in [[timestamp]]") from error
        return answer.body


def _read(file: Path) -> list[x509.Certificate]:
    try:
        found = [x509.load_pem_x509_certificate(each) for each in _CERTIFICATE.findall(file.read_bytes())]
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"the certificates in {file} cannot be read: {error}") from error
    if not any(each.issuer == each.subject for each in found):
        raise ConfigurationError(f"{file} holds no root certificate", hint="put the authority's root there, in PEM")
    return found
