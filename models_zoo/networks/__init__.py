"""Networks: encoders, a light decoder, heads and the segmenter that joins them."""
