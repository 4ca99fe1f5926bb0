"""A classifier that also sees its features cut into pieces (progressive patch learning, PPL)."""
