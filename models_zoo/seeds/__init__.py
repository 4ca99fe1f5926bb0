"""From image-level tags to labels of places: class maps of a classifier, then labels with an ignore band."""
