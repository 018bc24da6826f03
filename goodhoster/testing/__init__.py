"""Test support for goodhoster and its plugins.

A conformance suite per port, stand-ins for counterparts.
"""
