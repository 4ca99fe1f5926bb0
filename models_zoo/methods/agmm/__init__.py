"""Adaptive Gaussian mixtures: what is labelled in an image says what the rest of it is (AGMM)."""
