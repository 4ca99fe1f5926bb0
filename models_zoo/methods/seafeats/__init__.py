"""Coarse maps from one label a picture: cells like the background's template are background (SeaFeats)."""
