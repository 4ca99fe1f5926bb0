"""Classifiers whose answer is a map before it is an answer (GP-UNet, GP-ShuffleUNet, GP-ReconResNet)."""
