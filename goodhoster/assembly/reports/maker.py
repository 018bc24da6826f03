"""The reports of a period: made, written with a signed index, sent each month."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from goodhoster.assembly.audit import checkpoints, origin
from goodhoster.assembly.reports.facts import customer_figures, gather
from goodhoster.assembly.reports.outcomes import check_outcomes
from goodhoster.assembly.services import Services
from goodhoster.audit.verify import SignedNote
from goodhoster.model.letters import Letter, LetterKind
from goodhoster.notices.sender.domains import organisational_domain
from goodhoster.ports.common import utc_now
from goodhoster.reports.bundle import File, files_of, verify_bundle, write_bundle
from goodhoster.reports.conduct import Installation, NormId, conduct, conduct_document
from goodhoster.reports.documents import Document, as_text
from goodhoster.reports.measures import measures_document
from goodhoster.reports.norm import Mirror, mirror
from goodhoster.reports.norm_document import norm_document
from goodhoster.reports.periods import Period, month_before
from goodhoster.reports.proofs import read_proofs
from goodhoster.reports.transparency import transparency_document
from goodhoster.reports.weekly_document import weekly_document
from goodhoster.settings import Settings


class ReportMaker:
    """The reports of one period, all made from the same facts."""

    def __init__(self, services: Services, period: Period) -> None:
        self._services = services
        self.proofs = read_proofs(services.settings.reports.proofs, list(NormId))
        self.facts = gather(services, period)
        self._mirror: Mirror | None = None
        self._installation: Installation | None = None

    def make(self, name: str) -> Document:
        """One report, by its name."""
        made: Mapping[str, Callable[[], Document]] = {
            "norm": lambda: norm_document(self.facts, self.mirror),
            "weekly": lambda: weekly_document(self.facts),
            "conduct": self._conduct,
            "transparency": lambda: transparency_document(self.facts, self.mirror, self.proofs.people),
            "measures": lambda: measures_document(self.facts, self.installation, self.proofs),
        }
        return made[name]()

    @property
    def mirror(self) -> Mirror:
        """The figures of the mirror."""
        if self._mirror is None:
            self._mirror = mirror(self.facts.urls, self.facts.now, domain_of)
        return self._mirror

    @property
    def installation(self) -> Installation:
        """What configuration and moment tell."""
        if self._installation is None:
            self._installation = _installation(self._services)
        return self._installation

    @property
    def hoster(self) -> str:
        """The name under which reports are made."""
        return self._services.settings.notices.hoster

    def _conduct(self) -> Document:
        self.facts.customers = customer_figures(self._services, self.facts.period)
        findings = conduct(self.facts, self.mirror, self.installation, self.proofs)
        return conduct_document(self.facts, findings, self.proofs)


REPORTS = ("norm", "weekly", "conduct", "transparency", "measures")
"""Every report of a period, by name."""


def write_all(services: Services, period: Period, directory: Path) -> SignedNote:
    """Write every report of a period into a new directory, with a signed index."""
    from goodhoster.reports.pages import page_of

    maker = ReportMaker(services, period)
    book = checkpoints(services.settings)

    def files() -> Iterator[File]:
        for name in REPORTS:
            yield from files_of(maker.make(name), lambda document: page_of(document, maker.facts, maker.hoster))
        yield "audit.checkpoint", [book.issue(origin(services.settings)).write()]

    return write_bundle(directory, files(), lambda text: book.sign_text(text, origin(services.settings)))


def send_monthly(services: Services) -> None:
    """Put the figures of the last whole month into the outbox, for everybody who is to get them.

    Each gets them once, however often this is called.
    """
    month = month_before(utc_now().date())
    due = {_letter_id(month, address): address for address in services.settings.reports.monthly_to}
    due = {name: address for name, address in due.items() if not services.notices.outbox.has(name)}
    if not due:
        return
    maker = ReportMaker(services, month)
    text = "\n\n".join(as_text(maker.make(name), tables=1) for name in ("norm", "weekly", "conduct"))
    for name, address in due.items():
        subject = f"goodhoster: figures of {month.name}"
        services.notices.outbox.put(
            Letter(name, LetterKind.REPORT, address, subject, f"{maker.hoster}, {month.name}\n\n{text}")
        )


def _letter_id(month: Period, address: str) -> str:
    return f"{month.name}-report-{hashlib.sha256(address.lower().encode()).hexdigest()[:12]}"


def verify_all(settings: Settings, directory: Path) -> list[str]:
    """What is not as it was signed in a directory that `write_all` made."""
    return verify_bundle(directory, checkpoints(settings).known_keys())


def _installation(services: Services) -> Installation:
    notices = services.settings.notices
    ways = {
        "LMTP": notices.lmtp,
        "HTTP": notices.listen,
        "Maildir": notices.maildir,
        "IMAP": services.settings.imap,
    }
    check = check_outcomes(services)
    return Installation(
        enforcing=services.rules.enforce,
        sources=len(services.settings.hash_sources),
        ways_in=tuple(name for name, configured in ways.items() if configured),
        answers=services.settings.smtp is not None,
        without_outcome=None if check.unchecked else len(check.comparison.findings),
    )


def domain_of(url: str) -> str:
    """The registered domain of a URL.

    The host itself where it has none, empty where it is no URL.
    """
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return ""
    return _organisational_domain(host) if host else ""


_organisational_domain = cache(organisational_domain)
