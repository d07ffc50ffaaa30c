"""The demonstration: the set-ups that people write by hand, run and measured."""
