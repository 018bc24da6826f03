"""How an address that is no file is taken offline: the web server answers 451."""
