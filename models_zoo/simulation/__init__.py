"""A simulated annotator and what its work costs, for benchmarks without people."""

from models_zoo.simulation.annotator import MARK_KINDS, SimulatedAnnotator, Verdict
from models_zoo.simulation.costs import COSTS, CostTable, full_mask_seconds

__all__ = ["COSTS", "MARK_KINDS", "CostTable", "SimulatedAnnotator", "Verdict", "full_mask_seconds"]
