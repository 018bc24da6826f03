"""The opener: opens paths that an application names at a door, with its rights.

It keeps the right to become another user, which the doors give up; `client` is their side of it.
"""
