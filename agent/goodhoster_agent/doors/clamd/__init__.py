"""The door for applications that know ClamAV: the protocol of clamd (docs/how-to-clamav-clients.md)."""
