"""Mail servers that take our letters."""
