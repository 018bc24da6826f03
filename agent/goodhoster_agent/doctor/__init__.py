"""`goodhoster doctor`: check what this host lacks for a working set-up."""
