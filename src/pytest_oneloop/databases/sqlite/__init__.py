"""SQLite: the files that tests run in, what they are copied from, and how they are put back."""
