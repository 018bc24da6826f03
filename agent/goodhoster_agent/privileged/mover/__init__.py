"""The mover: the one small process that may move and re-own customers' files.

It has no network, four capabilities, and takes orders (`goodhoster.model.mover_messages`) over a Unix socket from
those it trusts. Why it is a process of its own: docs/decisions/022-the-mover.md.
"""
