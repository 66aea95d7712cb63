"""Fairlead: an execution kernel that trading bots embed."""

__version__ = "0.1.0"
