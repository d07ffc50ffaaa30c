"""These files are data: `tests/plugin/test_runners.py` lays them into copies of the example."""

collect_ignore_glob = ["*"]
