"""A second telling of what the kernel must do, stepped beside it."""
