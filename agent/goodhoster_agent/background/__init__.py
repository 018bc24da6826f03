"""Background work of the daemon besides watching: workers and periodic tasks."""
