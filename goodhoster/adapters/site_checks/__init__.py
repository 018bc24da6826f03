"""Checks of our sites from outside."""
