"""The [vetting] section.

Which evidence a customer needs at which risk, and what makes the risk.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from goodhoster.model.customers.vetting import VettingEvidenceKind
from goodhoster.settings.values import duration, setting, texts, whole

_KINDS = tuple(VettingEvidenceKind)
_DAY = 86400.0


def evidence(value: Any) -> tuple[VettingEvidenceKind, ...]:
    """A list of kinds of evidence; an empty one requires nothing."""
    if not isinstance(value, list) or any(word not in _KINDS for word in value):
        raise ValueError('a list such as ["email", "payment-method"], with any of ' + ", ".join(_KINDS))
    return tuple(VettingEvidenceKind(word) for word in dict.fromkeys(value))


def _points() -> Callable[[Any], int]:
    return whole(0, 1000, "points")


@dataclass(frozen=True, slots=True)
class VettingSettings:
    """[vetting].

    Which evidence is needed of customers at which risk, and how the risk is estimated.
    """

    required_low: tuple[VettingEvidenceKind, ...] = setting(
        evidence, "Needed at low risk, which takes an answer to every rule below.", default=(VettingEvidenceKind.EMAIL,)
    )
    required_normal: tuple[VettingEvidenceKind, ...] = setting(
        evidence, "Needed at normal risk.", default=(VettingEvidenceKind.EMAIL, VettingEvidenceKind.PAYMENT_METHOD)
    )
    required_high: tuple[VettingEvidenceKind, ...] = setting(
        evidence,
        "Needed at high risk.",
        default=(VettingEvidenceKind.IDENTITY_DOCUMENT, VettingEvidenceKind.EMAIL, VettingEvidenceKind.PAYMENT_METHOD),
    )
    valid_for: float = setting(duration, "How long evidence counts.", default=365 * _DAY)
    valid_for_high: float = setting(duration, "The same at high risk.", default=182 * _DAY)
    normal_from: int = setting(_points(), "Points from which the risk is normal.", default=20)
    high_from: int = setting(_points(), "Points from which the risk is high.", default=50)
    open_upload: int = setting(_points(), "Points where anybody can upload without an account.", default=30)
    image_host: int = setting(_points(), "Points of a site that hosts pictures of others.", default=40)
    file_locker: int = setting(_points(), "Points of a site that stores and shares files of others.", default=40)
    anonymous_payment: int = setting(_points(), "Points of an anonymous payment.", default=25)
    free_domains: int = setting(_points(), "Points of a site below a free domain.", default=15)
    reseller: int = setting(_points(), "Points of a reseller.", default=20)
    own_record: int = setting(_points(), "Points where known material was taken offline here before.", default=40)
    free_domain_names: tuple[str, ...] = setting(
        texts,
        "Domains below which anybody gets one free of charge.",
        default=("tk", "ml", "ga", "cf", "gq", "eu.org", "nl.eu.org", "pp.ua", "dpdns.org", "us.kg"),
    )
