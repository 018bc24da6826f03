"""Checks of mail addresses by form and DNS."""
