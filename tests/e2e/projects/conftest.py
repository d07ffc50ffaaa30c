"""These files are data: `tests/e2e/test_projects.py` lays them into folders of their own."""

collect_ignore_glob = ["*"]
