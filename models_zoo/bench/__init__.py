"""How good the methods are: marks drawn from true masks, trainings, full supervision beside them, one table."""
