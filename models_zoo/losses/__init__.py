"""Losses: one file each, function first."""
