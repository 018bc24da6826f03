"""Checks: from the bytes of a file to a Verdict."""
