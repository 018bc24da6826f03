"""Control panels, one module each; what they share to ask and to quote is in `adapters.counterparts`."""
