"""Public documents on the web that say how somebody is reached."""
