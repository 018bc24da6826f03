"""The opener: opens the paths that an application names at a door, with the rights of that application's process.

It keeps the right to become another user, which the doors give up; `client` is their side of it.
"""
