"""Data sets, nets in PyTorch, training and evaluation. Nothing here is imported by the daemon."""
