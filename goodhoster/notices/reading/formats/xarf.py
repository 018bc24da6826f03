"""XARF reports of version 4 and before, as bare JSON or inside a feedback report by mail.

See xarf/xarf-spec and abusix/xarf.

Old reports still come: mails of 2022 say `"Version": "1"`. What the published checkers let pass is checked here: URLs
that are no web addresses, and evidence whose digest is not the claimed one. Evidence is digested and discarded, never
kept and never shown.
"""

from __future__ import annotations

import base64
import hashlib
import re
import uuid
from collections.abc import Iterator
from dataclasses import replace

from goodhoster.errors import UnreadableError
from goodhoster.model.digests import Digest
from goodhoster.model.notices import NoticeFormat, ReadItem, ReadNotice, Reporter
from goodhoster.notices.reading.envelope import envelope
from goodhoster.notices.reading.formats.json_text import Table, first_text, table_of, text_in
from goodhoster.notices.reading.mail import Mail, moment
from goodhoster.notices.reading.url_finder import doubts_about_piece

_V4 = re.compile(r"4\.\d+\.\d+")
_OLD = re.compile(r"alpha|[0-3](?:\.\d+){0,2}")
_ABUSE_TYPES_V4 = frozenset({"csam", "csem"})
_ABUSE_TYPES_OLD = frozenset({"childabuse", "childsexualabusematerial", "csam"})
_CLASSES = frozenset({"baseline", "A1", "A2", "B1", "B2"})
_METHODS = frozenset({"hash_match", "ai_detection", "manual_review", "user_report", "automated_scan"})
_CASE_NUMBER = (("Report", "ReporterCaseID"), ("ReporterInfo", "ReporterCaseID"), ("ReporterCaseID",))
_NEEDED_V4 = ("report_id", "timestamp", "reporter", "sender", "source_identifier", "category", "type")


def read_mail(mail: Mail) -> ReadNotice | None:
    """The report attached to a mail; the answer goes where the mail came from."""
    for part in mail.parts:
        if part.kind == "application/json" and (part.name.lower() == "xarf.json" or mail.feedback_type == "xarf"):
            report = read(part.content)
            bare = envelope(mail, NoticeFormat.XARF)
            return replace(
                bare,
                items=report.items,
                reference=report.reference,
                reporter=replace(bare.reporter, name=report.reporter.name),
                doubts=report.doubts,
                trial=report.trial,
            )
    if mail.feedback_type == "xarf":
        raise UnreadableError("a XARF mail without its xarf.json")
    return None


def read(content: bytes) -> ReadNotice:
    """One report. UnreadableError when it is no XARF of any version."""
    report = table_of(content)
    if _V4.fullmatch(text_in(report, "xarf_version")):
        notice = _version_4(report)
    elif _OLD.fullmatch(text_in(report, "Version").lower()):
        notice = _older(report)
    else:
        raise UnreadableError("it names no version of XARF")
    return replace(notice, items=(), doubts=(), trial=True) if _is_trial(report) else notice


def _is_trial(report: Table) -> bool:
    """Whether the sender marked the report as a test.

    The mark is `test` (true) or one of its tags (`test`, `xarf:test`, `test:…`).
    """
    tags = report.get("tags")
    named = (tag.lower() for tag in (tags if isinstance(tags, list) else ()) if isinstance(tag, str))
    return report.get("test") is True or any(tag.startswith("test:") or tag in {"test", "xarf:test"} for tag in named)


def _version_4(report: Table) -> ReadNotice:
    url = _url(text_in(report, "url"))
    item = ReadItem(
        urls=(url,),
        doubts=doubts_about_piece(url),
        ip=text_in(report, "source_identifier"),
        first_seen=moment(text_in(report, "timestamp")),
        note=text_in(report, "description")[:1000],
        reason=text_in(report, "classification"),
        digests=tuple(_digests(report.get("hash_values"))),
    )
    contact = first_text(report, ("sender", "contact"), ("reporter", "contact"))
    reporter = Reporter(text_in(report, "reporter", "org"), contact)
    doubts = (*_doubts_4(report), *_evidence_doubts(report.get("evidence")))
    return ReadNotice(
        NoticeFormat.XARF, (item,), reference=text_in(report, "report_id"), reporter=reporter, doubts=doubts
    )


def _doubts_4(report: Table) -> Iterator[str]:
    missing = [name for name in _NEEDED_V4 if not report.get(name)]
    if missing:
        yield "missing: " + ", ".join(missing)
    if text_in(report, "category") != "content" or text_in(report, "type") not in _ABUSE_TYPES_V4:
        yield f"it is about {text_in(report, 'category')[:40]}/{text_in(report, 'type')[:40]}"
    if text_in(report, "type") == "csam" and text_in(report, "classification") not in _CLASSES:
        yield "classification is none of " + ", ".join(sorted(_CLASSES))
    if text_in(report, "type") == "csam" and text_in(report, "detection_method") not in _METHODS:
        yield "detection_method is none of " + ", ".join(sorted(_METHODS))
    if not _is_uuid(text_in(report, "report_id")):
        yield "report_id is not a UUID"
    if not moment(text_in(report, "timestamp")):
        yield "timestamp is not a time"


def _older(report: Table) -> ReadNotice:
    url = _url(first_text(report, ("Report", "SourceUrl"), ("Report", "Url"), ("Report", "Source", "URL")))
    item = ReadItem(
        urls=(url,),
        doubts=doubts_about_piece(url),
        ip=first_text(report, ("Report", "SourceIp"), ("Report", "Source", "IP")),
        first_seen=moment(text_in(report, "Report", "Date")),
    )
    contact = first_text(report, ("ReporterInfo", "ReporterContactEmail"), ("ReporterInfo", "ReporterOrgEmail"))
    kind = (text_in(report, "Report", "ReportClass"), text_in(report, "Report", "ReportType"))
    ours = kind[0].lower() == "content" and kind[1].lower() in _ABUSE_TYPES_OLD
    return ReadNotice(
        NoticeFormat.XARF,
        (item,),
        reference=first_text(report, *_CASE_NUMBER),
        reporter=Reporter(text_in(report, "ReporterInfo", "ReporterOrg"), contact),
        doubts=() if ours else (f"it is about {kind[0][:40]}/{kind[1][:40]}",),
    )


def _url(text: str) -> str:
    if not re.match(r"https?://", text, re.IGNORECASE):
        raise UnreadableError(f"the report's URL is not a web address: {text[:80]!r}")
    return text


def _is_uuid(text: str) -> bool:
    try:
        return bool(uuid.UUID(text))
    except ValueError:
        return False


def _digests(claimed: object) -> Iterator[Digest]:
    for name in ("md5", "sha1", "sha256"):
        if text := text_in(claimed, name):
            try:
                digest = Digest.parse(text)
            except ValueError:
                continue
            if digest.algorithm == name:
                yield digest


def _evidence_doubts(evidence: object) -> Iterator[str]:
    """Doubts about payloads that do not match their digest.

    Then the rest of the report is not to be relied on either.
    """
    for number, piece in enumerate(evidence if isinstance(evidence, list) else [], 1):
        algorithm, _, claimed = text_in(piece, "hash").partition(":")
        if claimed and algorithm not in {"md5", "sha1", "sha256", "sha512"}:
            yield f"evidence {number} has a digest of an unknown kind"
        elif claimed and _digest_of(algorithm, text_in(piece, "payload")) != claimed.lower():
            yield f"evidence {number} is not what its digest says"


def _digest_of(algorithm: str, payload: str) -> str:
    try:
        return hashlib.new(algorithm, base64.b64decode(payload, validate=True), usedforsecurity=False).hexdigest()
    except ValueError:
        return ""
