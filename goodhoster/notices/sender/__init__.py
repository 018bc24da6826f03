"""Identity of a notice's sender, and its proof."""
