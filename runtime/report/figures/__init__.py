"""One figure a file. Each takes what was recorded and returns a picture, or raises `Unknown` with the reason."""
