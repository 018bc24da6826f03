"""The door for programs that speak ICAP (RFC 3507): squid, Nextcloud, mail and web gateways."""
