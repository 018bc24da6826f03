"""Owners of hash lists: who they are, and what they are told about exempt contents."""
