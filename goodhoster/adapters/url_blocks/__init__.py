"""Blocks of addresses that are no file: the web server shows nothing there."""
