"""The loop without a browser: a simulated annotator works through the same services and tasks as people do."""
