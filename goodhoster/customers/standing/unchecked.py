"""What is not set up on this host: nothing is known, and so nothing passes."""

from __future__ import annotations

from goodhoster.model.gates import Finding, GateAnswer
from goodhoster.ports.standing import ContactFinding


class ContactsUnchecked:
    """See `ports.standing.ContactCheck`: no contact was proven here."""

    def contact_of(self, customer: str) -> ContactFinding:  # noqa: ARG002 - the port's
        """See `ports.standing.ContactCheck`."""
        return ContactFinding(Finding(GateAnswer.UNCHECKED, "no contact was proven on this host"))

    def address_of(self, customer: str) -> str:  # noqa: ARG002 - the port's
        """See `ports.standing.ContactCheck`."""
        return ""
