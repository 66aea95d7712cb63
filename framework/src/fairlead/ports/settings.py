"""The public way from a plugin's configuration table to its typed settings class."""

from fairlead.plugins.settings import structure_settings

__all__ = ["structure_settings"]
