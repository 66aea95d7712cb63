"""Trigger prices: which stops, targets and trails a price reaches, without looking at all of them."""
