"""The relay: notifiers are told, at least once and in order, of what is durable, and nobody waits for it."""
