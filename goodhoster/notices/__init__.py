"""From a message to a notice: read it, judge who sent it, find what it means on this host."""
