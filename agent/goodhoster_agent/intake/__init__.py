"""Mail intake: every way puts the raw message on disk before it is acknowledged."""
