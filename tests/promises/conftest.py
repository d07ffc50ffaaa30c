"""These files are data: `tests/plugin/test_isolation_two_way.py` lays them into the example."""

collect_ignore_glob = ["*"]
