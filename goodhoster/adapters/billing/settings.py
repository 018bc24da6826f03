"""The kinds of [[billing]]: the settings of each, and how to build it from them.

Registered in the entry-point group `goodhoster.billing`, as anybody else's would be.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from goodhoster.adapters.billing.blesta import BlestaBilling
from goodhoster.adapters.billing.fossbilling import FossBilling
from goodhoster.adapters.billing.whmcs import WhmcsBilling
from goodhoster.adapters.counterparts import Endpoint
from goodhoster.ports.panels import Billing
from goodhoster.settings import one_of, path, read_secret, setting, text


@dataclass(frozen=True, slots=True)
class WhmcsKind:
    """WHMCS, by its API."""

    kind: str = setting(one_of("whmcs"), "Which kind of billing system this is.", example='"whmcs"')
    url: str = setting(
        text, "Its own URL: one that redirects loses the order.", example='"https://billing.hoster.example"'
    )
    identifier: str = setting(text, "The identifier of an API credential.", example='"abcdef"')
    secret_file: Path = setting(path, "The secret of that credential.", example='"whmcs.secret"')
    access_key_file: Path | None = setting(
        path, "The key that goes round its list of addresses.", default=None, example='"whmcs.accesskey"'
    )

    def build(self, name: str) -> Billing:
        """Build the adapter; nothing is asked yet."""
        secret = read_secret(self.secret_file, f"secret of {name}")
        key = read_secret(self.access_key_file, f"access key of {name}") if self.access_key_file else ""
        endpoint = Endpoint(self.url.rstrip("/"), secrets=(secret, key))
        return WhmcsBilling(name, endpoint, self.identifier, secret, key)


@dataclass(frozen=True, slots=True)
class FossBillingKind:
    """FOSSBilling, by its administrator's API."""

    kind: str = setting(one_of("fossbilling"), "Which kind of billing system this is.", example='"fossbilling"')
    url: str = setting(text, "Its URL.", example='"https://billing.hoster.example"')
    token_file: Path = setting(path, "The API key of an administrator.", example='"fossbilling.token"')

    def build(self, name: str) -> Billing:
        """Build the adapter; nothing is asked yet."""
        token = read_secret(self.token_file, f"token of {name}")
        return FossBilling(name, Endpoint(self.url.rstrip("/"), account=("admin", token), secrets=(token,)))


@dataclass(frozen=True, slots=True)
class BlestaKind:
    """Blesta, by its API."""

    kind: str = setting(one_of("blesta"), "Which kind of billing system this is.", example='"blesta"')
    url: str = setting(text, "Its URL.", example='"https://billing.hoster.example"')
    username: str = setting(text, "The user of an API key.", example='"goodhoster"')
    key_file: Path = setting(path, "The key: it may do everything in Blesta.", example='"blesta.key"')

    def build(self, name: str) -> Billing:
        """Build the adapter; nothing is asked yet."""
        key = read_secret(self.key_file, f"key of {name}")
        return BlestaBilling(name, Endpoint(self.url.rstrip("/"), account=(self.username, key), secrets=(key,)))
