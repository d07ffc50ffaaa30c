"""These files are data: `test_diagnosis_sections.py` runs them, each folder as a project.

Each test file fails in one way; the section that its report gets lies beside it, as `.txt`.
"""

collect_ignore_glob = ["*"]
