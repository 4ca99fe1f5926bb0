"""Run the parts of Burnish as children of one process that never leaves one behind.

`lifeline` wraps each child, `children` starts and stops them, `supervisor` keeps them
running, `preflight` says beforehand what would go wrong, `parts` lists what runs.
Nothing here imports Django or torch, so that it can be tested with small children.
"""
