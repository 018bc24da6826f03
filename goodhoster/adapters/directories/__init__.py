"""Who knows which sites this host serves: web servers, lists."""
