"""From a match to its one outcome: the desk that carries decisions out."""
