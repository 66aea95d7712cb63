"""The risk gate: the loop over the checks, what they answered, and the only type that can be sent."""
