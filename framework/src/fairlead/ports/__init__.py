"""What a plugin or a host implements: the only doors through which the outside enters."""
