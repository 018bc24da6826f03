"""`goodhoster demo`: the main job made visible, with real processes, files and sockets."""
