"""Vetting (know your customer): evidence, what is missing, identity providers, citizen numbers refused."""
