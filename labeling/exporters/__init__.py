"""Formats in which a data set leaves; see `registry`."""
