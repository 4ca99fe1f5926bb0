"""Improve predictions without a person: pixel-adaptive refinement, obedience to marks, uncertainty."""

from models_zoo.polish.par import par
from models_zoo.polish.proposal import Polished, polish

__all__ = ["Polished", "par", "polish"]
