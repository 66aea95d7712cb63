"""The prices service and its streams."""
