"""What is asked for: choices, parameters, configurations and findings, resolved to a complete spec."""
