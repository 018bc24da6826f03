"""The door for applications that know ClamAV (docs/how-to-clamav-clients.md)."""
