"""The kinds of [[identity_provider]] and [[company_register]].

The settings of each, and how to build it from them.

Registered in the entry-point groups `goodhoster.identity_providers` and `goodhoster.company_registers`, as anybody
else's would be.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from goodhoster.adapters.identity.company_registers import CompanyRegisterAccess, Kvk, Vies
from goodhoster.adapters.identity.neutral import NeutralProvider
from goodhoster.adapters.identity.provider import ProviderAccount
from goodhoster.adapters.identity.vendors import Onfido, StripeIdentity, Sumsub, Veriff
from goodhoster.ports import Clock
from goodhoster.ports.vetting import CompanyRegister, IdentityProvider
from goodhoster.settings import duration, one_of, path, read_secret, setting, text

_WEBHOOK_HELP = "File with the secret that its messages are signed with (or the name of a systemd credential)."
_TOKEN_HELP = "File with the key to ask it with (or the name of a systemd credential)."  # noqa: S105 - a help text
_CA_HELP = "Certificates to trust instead of the system's."
_DEADLINE_HELP = "One question ends within this time."


@dataclass(frozen=True, slots=True)
class NeutralKind:
    """A provider, or a gateway of your own before one, that speaks the neutral protocol."""

    kind: str = setting(one_of("neutral"), "Which kind of provider this is.", example='"neutral"')
    url: str = setting(text, "Address up to but without /sessions.", example='"https://identity.hoster.example/v1"')
    webhook_secret_file: Path = setting(path, _WEBHOOK_HELP, example='"identity-webhook.secret"')
    token_file: Path = setting(path, _TOKEN_HELP, example='"identity.token"')
    name: str = setting(text, "Its name in evidence and the audit log.", default="neutral")
    deadline: float = setting(duration, _DEADLINE_HELP, default=15.0)
    ca_file: Path | None = setting(path, _CA_HELP, default=None, example='"ca.pem"')

    def build(self, clock: Clock) -> IdentityProvider:
        """Build the provider."""
        return NeutralProvider(_account(self), clock)


@dataclass(frozen=True, slots=True)
class StripeKind:
    """Stripe Identity. Experimental."""

    kind: str = setting(one_of("stripe"), "Which kind of provider this is.", example='"stripe"')
    webhook_secret_file: Path = setting(path, _WEBHOOK_HELP, example='"stripe-webhook.secret"')
    token_file: Path = setting(path, _TOKEN_HELP, example='"stripe.key"')
    url: str = setting(text, "Address of the service.", default="https://api.stripe.com")
    name: str = setting(text, "Its name in evidence and the audit log.", default="stripe")
    deadline: float = setting(duration, _DEADLINE_HELP, default=15.0)
    ca_file: Path | None = setting(path, _CA_HELP, default=None, example='"ca.pem"')

    def build(self, clock: Clock) -> IdentityProvider:
        """Build the provider."""
        return StripeIdentity(_account(self), clock)


@dataclass(frozen=True, slots=True)
class VeriffKind:
    """Veriff. Experimental."""

    kind: str = setting(one_of("veriff"), "Which kind of provider this is.", example='"veriff"')
    webhook_secret_file: Path = setting(path, _WEBHOOK_HELP, example='"veriff.secret"')
    token_file: Path = setting(path, _TOKEN_HELP, example='"veriff.key"')
    url: str = setting(text, "Address of the service.", default="https://stationapi.veriff.com")
    name: str = setting(text, "Its name in evidence and the audit log.", default="veriff")
    deadline: float = setting(duration, _DEADLINE_HELP, default=15.0)
    ca_file: Path | None = setting(path, _CA_HELP, default=None, example='"ca.pem"')

    def build(self, clock: Clock) -> IdentityProvider:
        """Build the provider."""
        return Veriff(_account(self), clock)


@dataclass(frozen=True, slots=True)
class OnfidoKind:
    """Onfido. Experimental."""

    kind: str = setting(one_of("onfido"), "Which kind of provider this is.", example='"onfido"')
    webhook_secret_file: Path = setting(path, _WEBHOOK_HELP, example='"onfido-webhook.secret"')
    token_file: Path = setting(path, _TOKEN_HELP, example='"onfido.token"')
    url: str = setting(text, "Address of the service in your region.", default="https://api.eu.onfido.com")
    name: str = setting(text, "Its name in evidence and the audit log.", default="onfido")
    deadline: float = setting(duration, _DEADLINE_HELP, default=15.0)
    ca_file: Path | None = setting(path, _CA_HELP, default=None, example='"ca.pem"')

    def build(self, clock: Clock) -> IdentityProvider:
        """Build the provider."""
        return Onfido(_account(self), clock)


@dataclass(frozen=True, slots=True)
class SumsubKind:
    """Sumsub. Experimental."""

    kind: str = setting(one_of("sumsub"), "Which kind of provider this is.", example='"sumsub"')
    app_token: str = setting(text, "The app token, which is not a secret alone.", example='"prd:example"')
    webhook_secret_file: Path = setting(path, _WEBHOOK_HELP, example='"sumsub-webhook.secret"')
    token_file: Path = setting(path, _TOKEN_HELP, example='"sumsub.secret"')
    url: str = setting(text, "Address of the service.", default="https://api.sumsub.com")
    name: str = setting(text, "Its name in evidence and the audit log.", default="sumsub")
    deadline: float = setting(duration, _DEADLINE_HELP, default=15.0)
    ca_file: Path | None = setting(path, _CA_HELP, default=None, example='"ca.pem"')

    def build(self, clock: Clock) -> IdentityProvider:
        """Build the provider."""
        return Sumsub(_account(self, self.app_token), clock)


def _account(
    kind: NeutralKind | StripeKind | VeriffKind | OnfidoKind | SumsubKind, app_id: str = ""
) -> ProviderAccount:
    return ProviderAccount(
        name=kind.name,
        url=kind.url,
        webhook_secret=read_secret(kind.webhook_secret_file, f"webhook secret of {kind.name}"),
        token=read_secret(kind.token_file, f"key of {kind.name}"),
        app_id=app_id,
        within=kind.deadline,
        ca_file=kind.ca_file,
    )


@dataclass(frozen=True, slots=True)
class KvkKind:
    """The trade register of the Dutch chamber of commerce (KvK API, basic profile).

    Experimental.
    """

    kind: str = setting(one_of("kvk"), "Which kind of register this is.", example='"kvk"')
    key_file: Path = setting(path, _TOKEN_HELP, example='"kvk.key"')
    url: str = setting(text, "Address up to but without /api.", default="https://api.kvk.nl")
    name: str = setting(text, "Its name in evidence and the audit log.", default="kvk")
    deadline: float = setting(duration, _DEADLINE_HELP, default=15.0)
    ca_file: Path | None = setting(path, _CA_HELP, default=None, example='"ca.pem"')

    def build(self, clock: Clock) -> CompanyRegister:
        """Build the register."""
        key = read_secret(self.key_file, f"key of {self.name}")
        return Kvk(CompanyRegisterAccess(self.name, self.url, key, self.deadline, self.ca_file), clock)


@dataclass(frozen=True, slots=True)
class ViesKind:
    """VIES, the VAT numbers of the European Union. Experimental."""

    kind: str = setting(one_of("vies"), "Which kind of register this is.", example='"vies"')
    url: str = setting(
        text, "Address up to but without /rest-api.", default="https://ec.europa.eu/taxation_customs/vies"
    )
    name: str = setting(text, "Its name in evidence and the audit log.", default="vies")
    deadline: float = setting(duration, _DEADLINE_HELP, default=15.0)
    ca_file: Path | None = setting(path, _CA_HELP, default=None, example='"ca.pem"')

    def build(self, _: Clock) -> CompanyRegister:
        """Build the register."""
        return Vies(CompanyRegisterAccess(self.name, self.url, within=self.deadline, ca_file=self.ca_file))
