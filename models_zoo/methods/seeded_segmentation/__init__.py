"""Segmentation from any mixture of tags, points, scribbles, boxes and accepted masks."""
