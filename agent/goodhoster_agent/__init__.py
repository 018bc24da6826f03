"""The daemon and the command around the goodhoster library."""
