"""Coarse maps from one label a picture: words and templates say which cells show it (SeaCLIP beside SeaFeats)."""
