"""A project as its files show it: pytest's configuration, and what the source holds.

Nothing here imports a module of the project, or runs any of its code.
"""
