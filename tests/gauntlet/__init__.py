"""The gauntlet: what went wrong with orders elsewhere, as users reported it, played against Fairlead.

One test is one story. Its mark cites the issues and tells what happened there; its name begins with the first
of them; the first line of its docstring says what happens here. A module is a theme, whose title is the
beginning of the module's docstring, up to a colon. A planted bug must show every test failing. From the marks
`python -m tools.gauntlet_page` makes docs/explanation/gauntlet.md.
"""
