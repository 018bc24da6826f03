"""Suspension of accounts, sites and networks, and its exact inverse."""
