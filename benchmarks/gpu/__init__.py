"""What the exported encoder reaches on a GPU, beside PyTorch on the same weights and batches."""
