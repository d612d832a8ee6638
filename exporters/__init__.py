"""Checkpoint -> model file: `python -m exporters CHECKPOINT OUT.onnx`. What does not agree with PyTorch is not written."""
