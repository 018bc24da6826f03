"""Object stores: see `ports.ObjectStore`."""
