"""From a snapshot folder to batches of tensors."""
