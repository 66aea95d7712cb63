"""The fold: one record changes the state. Pure."""
