"""A store of another author: one file of JSON lines, each a batch, flushed before it is confirmed."""
