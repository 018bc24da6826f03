"""Import of customer lists into the register."""
