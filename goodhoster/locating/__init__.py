"""Resolution of a URL to the site, the file, and every copy of it."""
