"""How our sites look from outside."""
