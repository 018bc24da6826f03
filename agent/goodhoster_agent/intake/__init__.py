"""Mail in: every way puts the raw message on disk first and says so only then."""
