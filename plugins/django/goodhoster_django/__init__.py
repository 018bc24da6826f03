"""Django asks goodhoster before it stores an upload."""
