"""The one door itself, and how finished orders leave memory."""
