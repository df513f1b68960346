"""A whole phase with one command: its graph, who walks it, and on what it runs."""
