"""Checkpoint -> model file: `python -m exporters CHECKPOINT OUT.onnx`. A file that does not compute what PyTorch does is not written."""
