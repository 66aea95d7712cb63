"""Batches, bytes and chain, rows, reading back, and verifying from outside."""
