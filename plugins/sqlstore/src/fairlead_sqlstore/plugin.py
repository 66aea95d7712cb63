"""What the entry point `sqlstore` of group `fairlead.plugins.v1` loads: this plugin's hook implementations.

Kept light: a loader that only lists plugins imports this module, so what is heavy is imported where it is
used.
"""
