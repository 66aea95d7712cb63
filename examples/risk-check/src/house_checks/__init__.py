"""Two risk checks of another author: how many orders a day, and how small an order may be."""

__version__ = "0.1.0"
