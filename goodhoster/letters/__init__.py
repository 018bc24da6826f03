"""Outgoing letters: templates, and the outbox they wait in."""
