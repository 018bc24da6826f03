"""Reports about a case: for the police, for the EU's database, and as XARF. Pure.

None of them has a picture in it, and none is sent by goodhoster: a person reads them first.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from goodhoster.errors import RefusedError
from goodhoster.model.audit import AuditEntry
from goodhoster.model.cases import Case, CaseState
from goodhoster.model.notices import NotifierKind
from goodhoster.model.uploads import visible
from goodhoster.model.verdicts import Category, Match
from goodhoster.reports.transparency import CATEGORY, KEYWORD, RESTRICTION

CLASSIFICATIONS = ("baseline", "A1", "A2", "B1", "B2")
"""Of XARF content-csam."""
_NAMESPACE = uuid.UUID("5d7b1c1e-6f0a-5b52-9d63-0f4c9e0f2a11")
_GROUND = "Directive 2011/93/EU, Article 5 (child sexual abuse material), and the national law that implements it"
_EXPLANATION = (
    "The digest of the file is that of material which a police force or hotline has classified as child sexual abuse "
    "material. To possess and to distribute it is an offence in every Member State."
)
_REPORTED = (
    "A notifier reported the content as child sexual abuse material. To possess and to distribute it is an offence in "
    "every Member State."
)
_KEPT = "The files are kept, locked and unseen; they are handed over on your order only."
_NOT_ALL_KEPT = "Not all of the files are kept: see the state of each."
_NOTICED = (
    "A notice named the address of the content. The file there, and every copy of it that the customer had, was made "
    "inaccessible without anybody looking at it."
)
_DETECTED = (
    "An uploaded file was compared by its digest with databases of known material, and is among it. It was made "
    "inaccessible without anybody looking at it."
)


@dataclass(frozen=True, slots=True)
class Reporting:
    """Who reports."""

    hoster: str
    contact: str
    domain: str


def eu_record(case: Case, kinds: Mapping[str, NotifierKind], *, by_order: bool = False) -> dict[str, Any]:
    """The record of one decision for the EU's transparency database (DSA Art. 24(5)).

    No personal data is in it.     RefusedError where nothing was made inaccessible, or that is undone.
    """
    _expect_offline(case)
    uploaded = datetime.fromtimestamp(case.upload.state.ctime_ns / 1e9, UTC)
    return {
        "decision_visibility": [RESTRICTION],
        "decision_ground": "DECISION_GROUND_ILLEGAL_CONTENT",
        "illegal_content_legal_ground": _GROUND,
        "illegal_content_explanation": _EXPLANATION if _exact(case) else _REPORTED,
        "content_type": ["CONTENT_TYPE_OTHER"],
        "content_type_other": "uploaded file; goodhoster does not say of which kind",
        "category": CATEGORY,
        "category_specification": [KEYWORD],
        "content_date": uploaded.date().isoformat(),
        "application_date": (case.closed_at or case.opened_at).date().isoformat(),
        "decision_facts": _NOTICED if case.notice else _DETECTED,
        "source_type": _source(case, kinds, by_order=by_order),
        "automated_detection": "No" if case.notice else "Yes",
        "automated_decision": "AUTOMATED_DECISION_PARTIALLY" if case.actor else "AUTOMATED_DECISION_FULLY",
        "puid": case.id,
    }


def _source(case: Case, kinds: Mapping[str, NotifierKind], *, by_order: bool) -> str:
    if not case.notice:
        return "SOURCE_VOLUNTARY"
    kind = kinds.get(case.notifier)
    if by_order or kind is NotifierKind.AUTHORITY:
        return "SOURCE_TYPE_OTHER_NOTIFICATION"
    return "SOURCE_TRUSTED_FLAGGER" if kind is NotifierKind.TRUSTED_FLAGGER else "SOURCE_ARTICLE_16"


def xarf_of(case: Case, url: str, classification: str | None, by: Reporting) -> dict[str, Any]:
    """Our own detection as XARF 4 (content, csam).

    RefusedError where no source knows the file exactly, or what it is cannot be told: the classification of a source
    that says `baseline` is known, any other is for a person to say.
    """
    exact = _exact(case)
    if not exact:
        raise RefusedError(f"no source knows the file of case {case.id} exactly: there is nothing to report as known")
    if classification is None:
        if not any(match.category is Category.BASELINE for match in exact):
            hint = f"say which: --classification, one of {', '.join(CLASSIFICATIONS)}"
            raise RefusedError(f"the sources of case {case.id} do not say how it is classified", hint=hint)
        classification = CLASSIFICATIONS[0]
    organisation = {"org": by.hoster, "contact": by.contact, "domain": by.domain}
    digests = {"md5": case.digests.md5, "sha1": case.digests.sha1, "sha256": case.digests.sha256}
    return {
        "xarf_version": "4.0.0",
        "report_id": str(uuid.uuid5(_NAMESPACE, f"{by.domain}/{case.id}/{url}")),
        "timestamp": case.opened_at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "reporter": organisation,
        "sender": organisation,
        "source_identifier": url.split("/")[2],
        "category": "content",
        "type": "csam",
        "evidence_source": "automated_scan",
        "url": url,
        "classification": classification,
        "detection_method": "hash_match",
        "hash_values": {name: value.hex() for name, value in digests.items() if value},
        "content_removed": case.state is CaseState.OFFLINE,
    }


def police_report(cases: Sequence[Case], entries: Collection[AuditEntry], by: Reporting) -> str:
    """The notification to the police (DSA Art. 18), as text for a person to complete."""
    count = f"{len(cases)} case{'s' if len(cases) != 1 else ''}"
    lines = [
        "Notification of suspicions of criminal offences (Regulation (EU) 2022/2065, Article 18)",
        "",
        f"From:     {by.hoster}, {by.contact}",
        f"About:    {count} of material known or reported as child sexual abuse material",
        f"Enclosed: nothing. {_KEPT if all(case.state is CaseState.OFFLINE for case in cases) else _NOT_ALL_KEPT}",
    ]
    for case in cases:
        lines += ["", *_about(case, [entry for entry in entries if entry.event.data.get("case") == case.id])]
    lines += [
        "",
        "To be completed by hand: name and address of the customer; addresses and times of the upload, as far as",
        "they are kept; what is to be kept, and for how long, by your order.",
        "",
    ]
    return "\n".join(lines)


def _about(case: Case, entries: Sequence[AuditEntry]) -> list[str]:
    known = ", ".join(sorted({f"{match.source} ({match.category})" for match in case.matches})) or "no source; a notice"
    written = datetime.fromtimestamp(case.upload.state.mtime_ns / 1e9, UTC)
    numbers = ", ".join(str(entry.number) for entry in entries) or "none"
    lines = [
        f"Case {case.id}",
        f"  seen         {case.opened_at:%Y-%m-%d %H:%M:%S} UTC",
        f"  state        {case.state}{f' since {case.closed_at:%Y-%m-%d %H:%M:%S} UTC' if case.closed_at else ''}",
        f"  customer     {visible(case.upload.customer)}",
        f"  file         {case.upload.place}",
        f"  written      {written:%Y-%m-%d %H:%M:%S} UTC, {case.upload.state.size:,} bytes",
        f"  known to     {known}",
        f"  MD5          {case.digests.md5.hex()}",
        f"  SHA-1        {case.digests.sha1.hex()}",
        f"  SHA-256      {case.digests.sha256.hex()}",
    ]
    lines += [f"  copy         {measure.copy.upload.place}" for measure in case.measures if measure.copy]
    if case.notice:
        lines.append(f"  notice       {case.notice} of {case.notifier or 'an unproven sender'}")
    return [*lines, f"  audit log    entries {numbers}"]


def _exact(case: Case) -> list[Match]:
    """Matches of the very bytes, by which the file is known."""
    return [match for match in case.matches if not match.near and match.exemption is None]


def _expect_offline(case: Case) -> None:
    if case.state is not CaseState.OFFLINE:
        raise RefusedError(f"case {case.id} is {case.state}: nothing is inaccessible that a record could be about")
