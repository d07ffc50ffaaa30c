"""One event loop, one pool, a migrated database, every test rolled back."""
