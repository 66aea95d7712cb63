"""The public way from a plugin's configuration table to its typed settings class, and to its secrets."""

from fairlead.plugins.secrets import Secret
from fairlead.plugins.settings import structure_settings

__all__ = ["Secret", "structure_settings"]
