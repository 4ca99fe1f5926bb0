"""A network that learns to answer clicks: the class of the clicked thing does not matter, only its extent."""
