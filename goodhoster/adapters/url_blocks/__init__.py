"""Blocks of addresses that are no file: the web server answers 451."""
