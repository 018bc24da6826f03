"""What the daemon does beside watching: workers and periodic work."""
