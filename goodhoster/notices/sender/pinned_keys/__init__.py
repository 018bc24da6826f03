"""S/MIME and OpenPGP signatures by a key that a notifier's profile pins."""
