"""Where public keys of mail signatures are looked up."""
