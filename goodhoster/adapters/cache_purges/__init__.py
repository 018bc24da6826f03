"""Adapters of `ports.CachePurge`: purge an address from a cache in front of our sites."""
