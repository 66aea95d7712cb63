"""The public way to check names and symbols, for plugins: see `fairlead.domain.identifiers`."""

from fairlead.domain.identifiers import to_client_order_id, to_key, to_name, to_symbol

__all__ = ["to_client_order_id", "to_key", "to_name", "to_symbol"]
