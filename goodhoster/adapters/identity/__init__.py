"""Identity providers and company registers: who says that a customer is who it claims to be."""
