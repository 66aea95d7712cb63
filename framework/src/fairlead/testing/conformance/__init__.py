"""Classes with which an author proves a plugin to keep its port's rules.

Subclass one in a test module and say how your plugin is made; pytest then runs every rule against it. The
modules need pytest: `pip install fairlead[testing]`.
"""
