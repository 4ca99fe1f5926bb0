"""Refiners: class scores follow the picture's colours (or given features), with the person's pixels held.

`info.py` lists them without torch; `running.refine_scores` checks, runs and clamps any of them.
"""
