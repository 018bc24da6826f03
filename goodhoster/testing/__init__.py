"""For tests of goodhoster and of its plugins: a conformance suite per port, stand-ins for counterparts."""
