"""Control panels, one module each; what they share is in `adapters.counterparts`."""
