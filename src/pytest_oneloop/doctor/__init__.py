"""The doctor: reads a suite as pytest collects it, and says what will go wrong.

`collecting` asks pytest for the suite, in a process of its own. `sources` and `values` read the
code of its fixtures and of the application, without running it. `rules` hold one finding each: pure
functions over those facts. `findings` is what they give, `presenting` shows it.
"""
