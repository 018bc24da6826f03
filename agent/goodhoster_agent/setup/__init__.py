"""First steps on a new host: what is here, and a configuration that only observes."""
