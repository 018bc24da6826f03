"""Alerts: which rule tells whom, when, and how often."""
