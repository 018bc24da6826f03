"""Vetting (know your customer).

Evidence, what is missing, identity providers, citizen numbers refused.
"""
