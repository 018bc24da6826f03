"""Others who vouch for how the audit log stood: witnesses and timestamp authorities."""
