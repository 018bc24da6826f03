"""Notices: reading a message, evaluating its sender, locating its items on this host."""
