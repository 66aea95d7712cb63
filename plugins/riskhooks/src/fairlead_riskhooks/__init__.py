"""Risk checks that ship with Fairlead: minimum sizes and position limits."""

__version__ = "0.1.0"
