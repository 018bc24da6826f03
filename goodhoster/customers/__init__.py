"""Customers: who they are, what is theirs, and what must be known and kept of them."""
