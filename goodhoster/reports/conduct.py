"""The norms of a good hoster, each with its proof and when that expires. Pure.

From the letter to Parliament of 8 October 2020 and the sector's code: what a hoster does beforehand, when something is
known, and beyond that. A norm is only *met* where its proof is here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum

from goodhoster.reports.documents import Document, Table, Tile, Tone, period_as_object
from goodhoster.reports.facts import CustomerFigures, Facts
from goodhoster.reports.norm import Mirror
from goodhoster.reports.proofs import NormProof, Proofs
from goodhoster.reports.removals import FigureClock

_DAY = 24
_LATELY = timedelta(days=7)
_EXPIRES_SOON = timedelta(days=60)


class NormStanding(StrEnum):
    """Where we stand with a norm."""

    MET = "met"
    FALLS_SHORT = "falls-short"
    """The figures show that it is not kept."""
    EXPIRED = "expired"
    """Its proof has expired."""
    UNPROVEN = "unproven"
    """Nobody can tell from what is here."""


class NormId(StrEnum):
    """The norms, by short stable codes: those of [[proof]] in the file of proofs."""

    HASH_CHECK = "hash-check"
    KNOW_CUSTOMERS = "know-customers"
    AGREEMENTS = "agreements"
    REACHABLE = "reachable"
    WITHIN_24H = "within-24h"
    EVERY_MATCH = "every-match"
    CONSEQUENCES = "consequences"
    CONTRIBUTION = "contribution"
    MEMBERSHIP = "membership"
    INFORMED = "informed"


TEXTS: Mapping[NormId, tuple[str, str]] = {
    NormId.HASH_CHECK: ("preventive", "Images that customers upload are checked by hash."),
    NormId.KNOW_CUSTOMERS: ("preventive", "Customers are known: identity is checked, and the risk of their uploads."),
    NormId.AGREEMENTS: ("preventive", "Agreements with customers are clear about reachability and notices."),
    NormId.REACHABLE: ("preventive", "Notices arrive without a barrier, and an answer goes back."),
    NormId.WITHIN_24H: ("reactive", "What a hotline reports is gone at once, at the latest within 24 hours."),
    NormId.EVERY_MATCH: ("reactive", "Every match of the hash check has exactly one proven outcome."),
    NormId.CONSEQUENCES: ("reactive", "A customer that keeps no agreement, or keeps facilitating, bears consequences."),
    NormId.CONTRIBUTION: ("further", "The hoster contributes, also financially, to the hotline."),
    NormId.MEMBERSHIP: ("further", "The hoster is a member of an umbrella organisation."),
    NormId.INFORMED: ("further", "The hoster keeps informed."),
}


@dataclass(frozen=True, slots=True)
class Installation:
    """What the configuration and the moment tell."""

    enforcing: bool
    sources: int
    """Hash sources that are asked."""
    ways_in: tuple[str, ...]
    """Ways by which notices arrive."""
    answers: bool
    """Whether letters can go out."""
    without_outcome: int | None
    """Matches without a proven outcome; None where that could not be compared."""


@dataclass(frozen=True, slots=True)
class NormFinding:
    """Where we stand with one norm, and why."""

    norm: NormId
    standing: NormStanding
    proof: str
    expires: date | None = None


def conduct(facts: Facts, mirror: Mirror, installation: Installation, proofs: Proofs) -> list[NormFinding]:
    """Every norm; without a register of customers those about customers rest on paper alone."""
    measured: Mapping[NormId, Callable[[], tuple[NormStanding, str]]] = {
        NormId.HASH_CHECK: lambda: _hash_check(facts, installation),
        NormId.REACHABLE: lambda: _reachable(installation),
        NormId.WITHIN_24H: lambda: _within_24h(mirror),
        NormId.EVERY_MATCH: lambda: _every_match(installation),
    }
    today = facts.now.date()
    customers = facts.customers
    by_customers = _by_customers(customers) if customers and customers.active else {}
    found = []
    for norm in NormId:
        paper = _by_proof(norm, proofs.of(norm), today)
        if norm in measured:
            found.append(NormFinding(norm, *measured[norm]()))
        elif norm in by_customers:
            found.append(NormFinding(norm, *by_customers[norm]))
        elif norm is NormId.AGREEMENTS and customers and customers.active:
            told = (
                f"{paper.proof}; {customers.proven_contacts:,} of {customers.active:,} abuse contacts proven to answer"
            )
            found.append(replace(paper, proof=told))
        else:
            found.append(paper)
    return found


def conduct_document(facts: Facts, findings: list[NormFinding], proofs: Proofs) -> Document:
    """The norms as a document."""
    today = facts.now.date()
    met = sum(finding.standing is NormStanding.MET for finding in findings)
    soon = [f for f in findings if f.expires and today < f.expires <= today + _EXPIRES_SOON]
    rows = [
        (TEXTS[f.norm][0], TEXTS[f.norm][1], f.standing.value, f.proof, f.expires.isoformat() if f.expires else None)
        for f in findings
    ]
    data = period_as_object(facts.period, facts.now) | {
        "met": met,
        "of": len(findings),
        "norms": list(map(_norm_object, findings)),
        "answers": [{"question": each.question, "answer": each.answer} for each in proofs.answers],
    }
    tone = Tone.GOOD if met == len(findings) else Tone.BAD
    failing = sum(finding.standing in {NormStanding.FALLS_SHORT, NormStanding.EXPIRED} for finding in findings)
    tables = [Table("Norms", ("kind", "norm", "standing", "proof", "expires"), rows)]
    if proofs.answers:
        answers = [(each.question, each.answer) for each in proofs.answers]
        tables.append(Table("Questionnaires", ("question", "answer"), answers))
    return Document(
        name="conduct",
        title="Conduct of a good hoster",
        data=data,
        tiles=(
            Tile("Norms met", f"{met} of {len(findings)}", "with a proof in force", tone),
            Tile("Fall short or expired", str(failing)),
            Tile("Unproven", str(sum(f.standing is NormStanding.UNPROVEN for f in findings))),
            Tile("Expire within 60 days", str(len(soon))),
        ),
        tables=tuple(tables),
        notes=(
            "Met: its proof is here and in force. Falls short: the figures show that it is not kept.",
            "Unproven: nobody can tell from what is here; write a [[proof]] into the file that [reports] proofs names.",
        ),
    )


def _norm_object(finding: NormFinding) -> dict[str, str | None]:
    return {
        "norm": finding.norm.value,
        "standing": finding.standing.value,
        "proof": finding.proof,
        "expires": finding.expires.isoformat() if finding.expires else None,
    }


def _by_customers(customers: CustomerFigures) -> dict[NormId, tuple[NormStanding, str]]:
    """The norms that the record of customers decides; where it is not used for one, paper does."""
    found = {}
    if customers.with_evidence:
        told = f"{customers.vetted:,} of {customers.active:,} customers are vetted: goodhoster customers vetting-due"
        everybody = customers.vetted == customers.active
        found[NormId.KNOW_CUSTOMERS] = (NormStanding.MET if everybody else NormStanding.FALLS_SHORT), told
    if customers.enforcing:
        told = f"{customers.steps:,} steps imposed in this period, {customers.waiting:,} wait for a person"
        if customers.waiting_long:
            told += f", {customers.waiting_long:,} of them for more than 30 days: goodhoster customers measures list"
        found[NormId.CONSEQUENCES] = (NormStanding.FALLS_SHORT if customers.waiting_long else NormStanding.MET), told
    return found


def _hash_check(facts: Facts, installation: Installation) -> tuple[NormStanding, str]:
    if not installation.sources:
        return NormStanding.FALLS_SHORT, "no hash source is configured"
    days = facts.last_days(_LATELY)
    checks, entries = sum(day.checks for day in days), [day.entry for day in days if day.entry is not None]
    if not checks:
        return NormStanding.UNPROVEN, "no check was counted in the last 7 days"
    named = f", entries {entries[0]} to {entries[-1]} of the audit log" if entries else ""
    if not installation.enforcing:
        return (
            NormStanding.FALLS_SHORT,
            f"{checks:,} checks in the last 7 days{named}; the mode is observe: nothing is done",
        )
    return NormStanding.MET, f"{checks:,} checks in the last 7 days by {installation.sources} sources{named}"


def _reachable(installation: Installation) -> tuple[NormStanding, str]:
    if not installation.ways_in:
        return NormStanding.FALLS_SHORT, "no way in for notices is configured"
    ways = ", ".join(installation.ways_in)
    if not installation.answers:
        return (
            NormStanding.FALLS_SHORT,
            f"notices come in by {ways}; answers wait, because no mail server is configured",
        )
    return NormStanding.MET, f"notices come in by {ways}; answers go out by mail"


def _within_24h(mirror: Mirror) -> tuple[NormStanding, str]:
    speed = mirror.total.speed[FigureClock.RECEIPT]
    share = speed.within[_DAY]
    if not share.whole:
        return NormStanding.UNPROVEN, "nothing of ours was reported in this period"
    told = f"{share.part:,} of {share.whole:,} URLs gone within 24 h, {speed.open_over_24h:,} open for longer"
    too_slow = share.whole - share.part - speed.too_young
    if speed.too_young:
        told += f", {speed.too_young:,} open for less: too early to tell"
    if not (share.part or too_slow or speed.open_over_24h):
        return NormStanding.UNPROVEN, told
    return (NormStanding.FALLS_SHORT if too_slow or speed.open_over_24h else NormStanding.MET), told


def _every_match(installation: Installation) -> tuple[NormStanding, str]:
    without = installation.without_outcome
    if without is None:
        return NormStanding.UNPROVEN, "record, log and quarantine could not be compared: goodhoster audit outcomes"
    if without:
        return NormStanding.FALLS_SHORT, f"{without:,} without: goodhoster audit outcomes"
    return NormStanding.MET, "record, log, index and quarantine agree"


def _by_proof(norm: NormId, proofs: list[NormProof], today: date) -> NormFinding:
    if not proofs:
        return NormFinding(norm, NormStanding.UNPROVEN, "there is no proof in the file of proofs")
    best = proofs[0]
    told = f"{best.what}{f' ({best.reference})' if best.reference else ''}"
    if best.expires and best.expires <= today:
        return NormFinding(norm, NormStanding.EXPIRED, told, best.expires)
    if best.since and best.since > today:
        return NormFinding(norm, NormStanding.UNPROVEN, f"{told}: only from {best.since} on", best.expires)
    return NormFinding(norm, NormStanding.MET, told, best.expires)
