"""SQLite in the sandbox: its statements, and what its two drivers have in common."""
