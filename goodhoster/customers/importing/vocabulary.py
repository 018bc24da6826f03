"""The columns and keys of a customer list, with the other names by which they go."""

from __future__ import annotations

import re

ID = "customer_id"
COLUMNS = (
    ID,
    "name",
    "kind",
    "reseller",
    "language",
    "country",
    "email",
    "abuse_email",
    "phone",
    "company_number",
    "since",
    "status",
    "previous_id",
    "domain",
    "docroot",
    "user",
    "service",
    "service_kind",
    "server",
    "product",
    "networks",
    "inspectable",
)
"""Of CSV. `domain` may hold several names with blanks between; `external_NAME` is the number in another system."""
NESTED = ("contacts", "services", "sites", "external_ids")
"""What JSON and TOML may have beside them."""

_OTHER_NAMES = {
    "id": ID,
    "customer": ID,
    "customer_name": "name",
    "company": "name",
    "owner": "reseller",
    "lang": "language",
    "mail": "email",
    "e_mail": "email",
    "abuse_contact": "abuse_email",
    "state": "status",
    "former_id": "previous_id",
    "domains": "domain",
    "host": "domain",
    "document_root": "docroot",
    "username": "user",
    "service_id": "service",
    "network": "networks",
}
_EXTERNAL = re.compile(r"external_[a-z0-9][a-z0-9_.-]{0,30}")


def column_of(written: str) -> str:
    """Our name of a column or key; empty for one that means nothing to us."""
    name = re.sub(r"[\s-]+", "_", written.strip().lower())
    name = _OTHER_NAMES.get(name, name)
    return name if name in COLUMNS or name in NESTED or _EXTERNAL.fullmatch(name) else ""


def is_id_column(name: str) -> bool:
    """Whether this column tells whose the line is."""
    return name == ID
