"""Isolation below the event loop: routed connections, virtual transactions, turns."""
