"""A notifier of another author: each notice becomes a line of JSON in a file."""
