"""The project in here is run by the tests, in processes of its own."""

collect_ignore = ["project"]
