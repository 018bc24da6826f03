"""Every statement that the stores are given here is explained: none reads a table through that grows."""

from tests.queryplans import every_statement_uses_an_index

__all__ = ["every_statement_uses_an_index"]
