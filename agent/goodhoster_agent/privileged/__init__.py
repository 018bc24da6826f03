"""The processes that keep the privileges the daemon gave up: starter and mover."""
