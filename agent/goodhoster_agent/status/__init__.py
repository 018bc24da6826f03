"""State of this machine as others read it: commands, metrics, monitoring."""
