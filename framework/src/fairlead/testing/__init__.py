"""What a plugin author or a bot author needs to test against Fairlead.

Only tests import this package. The parts so far: a seeded event loop with virtual time
(`fairlead.testing.seeded_loop`), the ports that go with it (`virtual_clock`, `seeded_ids`), and a world
in which a program can be killed at every instant (`simulation`, `crash_survey`).
"""
