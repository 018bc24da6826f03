"""Cases: from a match to its one outcome, with the desk that carries decisions out."""
