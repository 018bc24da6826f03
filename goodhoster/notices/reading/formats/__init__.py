"""Formats of notices, one file for each.

A reader of mails says None where the format is not its own, so that the next is asked, and raises UnreadableError where
it is its own but broken. Readers open nothing, fetch nothing, and believe nothing.
"""
