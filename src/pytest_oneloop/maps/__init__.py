"""The loop map, drawn: as a page and in a terminal."""
