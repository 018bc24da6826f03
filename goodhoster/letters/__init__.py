"""Texts out: templates, and the outbox they wait in."""
