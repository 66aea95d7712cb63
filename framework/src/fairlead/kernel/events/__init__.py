"""Events to the bot and to plugins that observe."""
