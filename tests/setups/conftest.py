"""These projects are data: `tests/plugin/test_setups.py` copies and runs each one."""

collect_ignore_glob = ["*"]
