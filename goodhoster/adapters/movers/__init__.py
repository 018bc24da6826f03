"""Whoever moves files for us, reached from another process."""
