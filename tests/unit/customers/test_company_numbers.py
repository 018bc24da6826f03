import pytest

from goodhoster.customers.vetting.citizen_numbers import CITIZEN_SCHEMES
from goodhoster.customers.vetting.company_numbers import COMPANY_SCHEMES, read_company_number
from goodhoster.errors import RefusedError


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("nl.kvk:12345678", "nl.kvk:12345678"),
        ("NL.KVK: 1234 5678", "nl.kvk:12345678"),
        ("nl.kvk:11122233", "nl.kvk:11122233"),  # whatever the elfproef says of it
        ("fr.siren:732 829 320", "fr.siren:732829320"),
        ("fr.siret:73282932000074", "fr.siret:73282932000074"),
        ("eu.vat:GR094259216", "eu.vat:EL094259216"),
        ("eu.vat:EL 094259216", "eu.vat:EL094259216"),
        ("de.handelsregisternummer:Aachen HRA 11223", "de.handelsregisternummer:Aachen HRA 11223"),
        ("at.businessid:FN 122119m", "at.businessid:122119m"),
        ("se.orgnr:556703-7485", "se.orgnr:5567037485"),
        ("eu.vat:NL002455799B11", "eu.vat:NL002455799B11"),  # the form for sole traders since 2020
    ],
)
def test_number_of_a_company_is_kept_in_its_compact_form(written: str, kept: str) -> None:
    assert str(read_company_number(written, company=False)) == kept


@pytest.mark.parametrize(
    "written",
    ["nl.kvk:1234567", "nl.kvk:١٢٣٤٥٦٧٨", "fr.siren:732829321", "xx.yy:1", "12345678", ":", "nl.kvk", "eu.vat:XX1", ""],
)
def test_number_that_fails_its_check_or_has_no_scheme_is_refused(written: str) -> None:
    with pytest.raises(RefusedError):
        read_company_number(written, company=True)


@pytest.mark.parametrize("scheme", sorted(CITIZEN_SCHEMES | {"nl.rsin"}))
def test_citizen_number_is_refused_in_the_field_of_a_company_too(scheme: str) -> None:
    with pytest.raises(RefusedError, match="citizen number"):
        read_company_number(f"{scheme}:111222333", company=True)


@pytest.mark.parametrize(
    "written",
    [
        "eu.vat:NL004495445B01",  # nine digits that pass the elfproef: a sole trader's BSN, or an RSIN
        "cz.dic:CZ7103192745",
        "eu.vat:CZ7103192745",
        "eu.vat:ES54362315K",
        "hr.oib:33392005961",
        "pt.nif:PT 501 964 843",
    ],
)
def test_number_that_may_be_a_persons_is_kept_for_a_company_only(written: str) -> None:
    with pytest.raises(RefusedError, match="may contain a citizen number"):
        read_company_number(written, company=False)
    assert read_company_number(written, company=True).value


def test_there_is_a_check_for_every_scheme() -> None:
    for scheme in COMPANY_SCHEMES:
        with pytest.raises(RefusedError):
            read_company_number(f"{scheme}:no number", company=True)
