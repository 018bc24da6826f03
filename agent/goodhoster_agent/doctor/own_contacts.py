"""The findings of `doctor` on how others reach us.

That is abuse@, security.txt, the registry's abuse contact, the page that the DSA wants, and a web form.

What could not be looked at is a finding of its own kind: it is neither there nor missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from goodhoster.customers.contacts.published import abuse_contacts, faults_of_security_txt
from goodhoster.errors import GoodhosterError, PassingError, RefusedError
from goodhoster.model.customers.contact_requests import Deliverability
from goodhoster_agent.doctor.finding import DoctorFinding

if TYPE_CHECKING:
    from goodhoster.ports import MailDomains, WebDocuments
    from goodhoster.settings import Settings

_DSA_WORDS = ("language", "taal", "talen", "sprache", "langue")


def own_contacts(settings: Settings, outside: tuple[WebDocuments, MailDomains] | None) -> Iterator[DoctorFinding]:
    """Findings on our own contacts, once our domain is set.

    Without `outside` no server of others is asked.
    """
    if settings.contacts.domain is None and outside is None:
        hint = "set [contacts] domain, and see docs/how-to-reachable-contacts.md"
        yield DoctorFinding("own contacts", ok=True, detail="not checked: our own domain is not set", hint=hint)
        return
    yield _form(settings)
    yield from _mailbox(settings, outside[1] if outside else None)
    if outside is None:
        hint = "goodhoster doctor --ask-outside asks web, name and RDAP servers"
        yield DoctorFinding("own contacts outside", ok=True, detail="not checked without --ask-outside", hint=hint)
        return
    documents = outside[0]
    yield from _security_txt(settings, documents)
    yield from _abuse_c(settings, documents)
    yield from _dsa_page(settings, documents)


def _form(settings: Settings) -> DoctorFinding:
    if settings.notices.listen is not None:
        return DoctorFinding("web form", ok=True, detail="takes notices at /notice (DSA Art. 16)")
    hint = "set [notices] listen, and have your proxy pass it on"
    return DoctorFinding("web form", ok=False, detail="there is none: the public has no form (DSA Art. 16)", hint=hint)


def _mailbox(settings: Settings, domains: MailDomains | None) -> Iterator[DoctorFinding]:
    domain = settings.contacts.domain
    if domain is None:
        yield DoctorFinding("abuse mailbox", ok=False, detail="our own domain is not set", hint="set [contacts] domain")
        return
    comes_in = settings.notices.lmtp or settings.notices.maildir or settings.imap
    address = f"abuse@{domain}"
    if not comes_in:
        hint = "set lmtp or maildir in [notices], or [imap]: docs/how-to-notices.md"
        yield DoctorFinding(f"mailbox {address}", ok=False, detail="no mail comes in here (RFC 2142)", hint=hint)
    if domains is not None:
        check = domains.check(address)
        unchecked = check.result is Deliverability.UNCHECKED
        ok = check.result is Deliverability.DELIVERABLE
        detail = check.why or "its domain takes mail; send one to see whether it comes in here"
        hint = "" if ok else "try again" if unchecked else f"publish an MX record for {domain}"
        yield DoctorFinding(f"mailbox {address}", ok, detail, hint, unchecked=unchecked)


def _security_txt(settings: Settings, documents: WebDocuments) -> Iterator[DoctorFinding]:
    if settings.contacts.domain is None:
        return
    url, what = f"https://{settings.contacts.domain}/.well-known/security.txt", "security.txt"
    hint = f"publish {url} with Contact and Expires (RFC 9116)"
    try:
        text = documents.text(url)
    except RefusedError as error:
        yield DoctorFinding(what, ok=False, detail=f"there is none: {error}", hint=hint)
        return
    except GoodhosterError as error:
        yield _unchecked(what, error)
        return
    faults = faults_of_security_txt(text, datetime.now(UTC))
    yield DoctorFinding(what, not faults, "; ".join(faults) or "as RFC 9116 wants it", hint if faults else "")


def _abuse_c(settings: Settings, documents: WebDocuments) -> Iterator[DoctorFinding]:
    """Findings on the abuse contact of each of our networks, as everybody else finds it."""
    for network in settings.notices.own_networks:
        what, url = f"abuse contact of {network}", f"{settings.contacts.rdap.rstrip('/')}/ip/{network}"
        try:
            found = abuse_contacts(documents.text(url))
        except RefusedError as error:
            # Another registry may have it: that one server does not know the network says nothing.
            yield _unchecked(
                what, PassingError(f"{url}: {error}", hint="set [contacts] rdap to your registry's server")
            )
        except GoodhosterError as error:
            yield _unchecked(what, error)
        else:
            hint = "" if found else "add abuse-c to the organisation in the registry's database"
            yield DoctorFinding(what, bool(found), ", ".join(found) or "the registry names none", hint)


def _dsa_page(settings: Settings, documents: WebDocuments) -> Iterator[DoctorFinding]:
    what, page = "DSA points of contact", settings.contacts.dsa_page
    if page is None:
        hint = "publish a page with both points of contact and their languages, and set [contacts] dsa_page"
        yield DoctorFinding(what, ok=False, detail="no page is set (DSA Art. 11 and 12)", hint=hint)
        return
    try:
        text = documents.text(page).casefold()
    except RefusedError as error:
        yield DoctorFinding(
            what, ok=False, detail=f"{page} is not there: {error}", hint="publish it, or correct dsa_page"
        )
        return
    except GoodhosterError as error:
        yield _unchecked(what, error)
        return
    lacks = [] if "@" in text or "mailto:" in text or "<form" in text else ["no address and no form"]
    lacks += [] if any(word in text for word in _DSA_WORDS) else ["no languages"]
    detail = (
        f"{page} names {' and '.join(lacks)}" if lacks else f"{page} is there; whether it is current, only you know"
    )
    yield DoctorFinding(what, not lacks, detail, "name an electronic contact and the languages" if lacks else "")


def _unchecked(what: str, error: GoodhosterError) -> DoctorFinding:
    return DoctorFinding(
        what, ok=False, detail=f"could not be checked: {error}", hint=error.hint or "try again", unchecked=True
    )
