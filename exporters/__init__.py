"""Checkpoint -> model file: `python -m exporters CHECKPOINT OUT.onnx`. What disagrees with PyTorch is not written."""
