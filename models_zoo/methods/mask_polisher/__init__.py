"""A small network that mends the masks of the project's model: it learns from accepted masks, spoilt as it errs."""
