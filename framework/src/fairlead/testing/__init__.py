"""What a plugin author or a bot author needs to test against Fairlead.

Only tests import this package: the memory store (`memory_store`) and the conformance classes of the ports
(`conformance`), which need pytest.
"""
