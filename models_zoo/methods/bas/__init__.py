"""Foreground maps by what is left of a class when they are erased (background activation suppression, BAS)."""
