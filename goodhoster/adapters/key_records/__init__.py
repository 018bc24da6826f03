"""Look-up of public keys of mail signatures."""
