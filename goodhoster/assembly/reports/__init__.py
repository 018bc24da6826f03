"""Reports of this machine, made from its record, log, index and quarantine."""
