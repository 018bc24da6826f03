"""For tests of goodhoster and its plugins: conformance suites and test servers.

A conformance suite per port, stand-ins for counterparts.
"""
