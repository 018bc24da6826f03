"""The life of a notice: taken in, acted on within its deadline, answered, checked from outside."""
