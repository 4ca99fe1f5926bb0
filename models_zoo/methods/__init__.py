"""Ways to learn from weak marks: one folder each, `info.py` without torch and `task.py` with it."""
