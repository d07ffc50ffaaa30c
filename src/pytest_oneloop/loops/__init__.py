"""Event loops: their scopes."""
