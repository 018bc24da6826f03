"""Processes with privileges that others gave up: supervisor, starter, mover, opener."""
