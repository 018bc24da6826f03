"""Numbers of companies.

Written SCHEME:NUMBER and checked by the rules of their scheme (python-stdnum).

A number that is or contains a citizen number is refused, whatever its field: some countries give sole traders a number
made from their own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType

from goodhoster.customers.vetting.citizen_numbers import CITIZEN_SCHEMES
from goodhoster.errors import RefusedError

_KVK = re.compile(r"\d{8}")
_LONGEST_NUMBER = 64

COMPANY_SCHEMES: Mapping[str, str] = MappingProxyType(
    {
        "at.businessid": "Firmenbuchnummer",
        "be.vat": "ondernemingsnummer",
        "cz.dic": "DIČ",
        "de.handelsregisternummer": "HRB/HRA",
        "dk.cvr": "CVR",
        "ee.registrikood": "registrikood",
        "es.cif": "CIF",
        "eu.vat": "VAT number",
        "fi.ytunnus": "Y-tunnus",
        "fr.siren": "SIREN",
        "fr.siret": "SIRET",
        "hr.oib": "OIB",
        "it.iva": "partita IVA",
        "lv.pvn": "PVN",
        "nl.kvk": "KvK",
        "pl.nip": "NIP",
        "pl.regon": "REGON",
        "pt.nif": "NIF",
        "ro.cui": "CUI",
        "se.orgnr": "organisationsnummer",
        "si.maticna": "matična številka",
    }
)
"""What can be given as a company's number, and what it is called there."""


@dataclass(frozen=True, slots=True)
class CompanyNumber:
    """A number of a company in its compact form."""

    scheme: str
    value: str

    def __str__(self) -> str:
        return f"{self.scheme}:{self.value}"


def read_company_number(text: str, *, company: bool) -> CompanyNumber:
    """Read SCHEME:NUMBER.

    RefusedError when the scheme is not known, the check fails, or it is a person's. `company` says that the customer
    is certainly a company: only then is a number accepted that has the form of a person's.
    """
    scheme, colon, written = text.strip().partition(":")
    scheme = scheme.strip().lower()
    if scheme in CITIZEN_SCHEMES or scheme == "nl.rsin":
        hint = "give a number of the company, such as nl.kvk:12345678"
        raise RefusedError(f"{scheme} is or may be a citizen number, and is not kept", hint=hint)
    if not colon or scheme not in COMPANY_SCHEMES:
        hint = "write SCHEME:NUMBER with one of " + ", ".join(COMPANY_SCHEMES)
        raise RefusedError(f"{scheme or 'nothing'} is not a known kind of company number", hint=hint)
    value = _compact(scheme, written[:_LONGEST_NUMBER])
    if not company and _may_be_personal(scheme, value):
        raise RefusedError(
            f"this {COMPANY_SCHEMES[scheme]} may contain a citizen number, and is not kept",
            hint="give another number of the company; where it belongs to one, set the customer's kind to company",
        )
    return CompanyNumber(scheme, value)


def _compact(scheme: str, written: str) -> str:
    if scheme == "nl.kvk":
        digits = re.sub(r"[ .-]", "", written)
        if not digits.isascii() or not _KVK.fullmatch(digits):
            raise RefusedError("a KvK number has eight digits", hint="see the extract of the trade register")
        return digits
    module = import_module(f"stdnum.{scheme}")
    validation_error: type[Exception] = import_module("stdnum.exceptions").ValidationError
    try:
        return str(module.validate(_greek(scheme, written)))
    except validation_error as error:
        name = COMPANY_SCHEMES[scheme]
        raise RefusedError(
            f"this is not a valid {name} ({scheme}): {error}", hint="compare it with the source"
        ) from error


def _greek(scheme: str, written: str) -> str:
    """A Greek VAT number with its European prefix EL, also where it was written GR."""
    stripped = written.strip()
    return "EL" + stripped[2:] if scheme == "eu.vat" and stripped[:2].upper() == "GR" else stripped


def _may_be_personal(scheme: str, value: str) -> bool:
    """Whether a person's own number can look like this."""
    if scheme == "eu.vat":
        country, number = value[:2].lower(), value[2:]
        return _PERSONAL_VAT.get(country, _never)(number)
    return _PERSONAL.get(scheme, _never)(value)


def _never(_: str) -> bool:
    return False


def _always(_: str) -> bool:
    return True


def _czech(number: str) -> bool:
    return len(re.sub(r"\D", "", number)) != 8  # noqa: PLR2004 - companies have eight digits, persons nine or ten


def _dutch(number: str) -> bool:
    """Old VAT numbers of sole traders contain the BSN.

    The new form is made for them and passes mod 97.
    """
    mod_97_10 = import_module("stdnum.iso7064.mod_97_10")
    bsn = import_module("stdnum.nl.bsn")
    return not mod_97_10.is_valid("NL" + number) or bool(bsn.is_valid(number[:9]))


def _spanish(number: str) -> bool:
    return not import_module("stdnum.es.cif").is_valid(number)


def _bulgarian(number: str) -> bool:
    return len(number) != 9  # noqa: PLR2004 - companies have nine digits, persons ten


def _latvian(number: str) -> bool:
    return number[:1] <= "3"  # companies begin with 4 to 9


def _swedish(number: str) -> bool:
    return number[2:3] < "2"  # the third digit of a person's is that of a month


_PERSONAL: Mapping[str, Callable[[str], bool]] = MappingProxyType(
    {"cz.dic": _czech, "hr.oib": _always, "lv.pvn": _latvian, "pt.nif": _always, "se.orgnr": _swedish}
)
_PERSONAL_VAT: Mapping[str, Callable[[str], bool]] = MappingProxyType(
    {
        "bg": _bulgarian,
        "cz": _czech,
        "es": _spanish,
        "hr": _always,
        "lv": _latvian,
        "nl": _dutch,
        "pt": _always,
        "se": _swedish,
    }
)
