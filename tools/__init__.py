"""The house rules as programs; `tox -e lint` runs each with `python -m tools.<name>`."""
