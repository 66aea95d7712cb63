"""The kernel: the engine with its one door, and the shell around it."""
