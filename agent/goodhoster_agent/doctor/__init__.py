"""`goodhoster doctor`: what stands between this host and a working set-up."""
