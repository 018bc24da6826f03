"""Stores for the record."""
