"""From one input and the state: which records follow and which effects they call for. Pure."""
