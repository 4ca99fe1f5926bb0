"""Boxes that are taken as coarse and mended by what the class of their image says (TSDDNet, arXiv 2306.06982)."""
