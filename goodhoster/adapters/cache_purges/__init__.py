"""Adapters of `ports.CachePurge`: who has a cache in front of our sites forget an address."""
