"""Patches compared with the words for classes: masks from tags and names (ExCEL)."""
