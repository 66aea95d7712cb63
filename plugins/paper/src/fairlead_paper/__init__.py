"""The paper venue: a simulated exchange with partial fills, fees, balances and seeded faults."""

__version__ = "0.1.0"
