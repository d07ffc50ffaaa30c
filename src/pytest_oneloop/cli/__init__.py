"""The command `oneloop`: one module for each of its subcommands."""
