"""The conformance classes: subclass one in a test module, give it your plugin's object, run pytest.

Each test proves one numbered rule of ``docs/reference/``; a subclass may add tests but may not
replace one.
"""
