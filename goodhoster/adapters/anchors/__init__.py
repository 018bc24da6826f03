"""Third parties that attest the state of the audit log: witnesses, timestamp authorities."""
