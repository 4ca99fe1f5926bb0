"""Segment-anything models from ONNX files that somebody brings along."""
