"""How plugins are found, linted, ordered, configured and asked; see `fairlead.plugins.manager`."""
