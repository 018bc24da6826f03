"""Linux: kernel calls, privileges, confinement, child processes, locks and durable files."""
