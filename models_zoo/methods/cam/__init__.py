"""Class activation maps: the baseline of all methods that learn from tags."""
