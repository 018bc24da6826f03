"""Processes with privileges that daemon and doors gave up: supervisor, starter, mover and opener."""
