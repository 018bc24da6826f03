"""Directories of the sites that this host serves: web servers, lists."""
