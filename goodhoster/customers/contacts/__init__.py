"""Contacts of customers: whether somebody reads there, and answers in time."""
