"""Screening: customers compared with lists of names, networks and domains; a person decides."""
