"""An operator's ways in: a local socket and a file."""
