"""Conformance suites: what every implementation of a port promises, as tests to subclass."""
