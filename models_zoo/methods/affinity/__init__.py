"""Affinities learnt from what is sure, and a random walk on them (AffinityNet, IRNet)."""
