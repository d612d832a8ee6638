"""Model files as files, below every stage: found by name, read with distrust, opened by ONNX Runtime.

kinds    the kinds of model files, and where they lie
graph    an ONNX graph as plain values
guard    bytes -> a message of which nothing is unexpected, its metadata and arrays
session  a graph, opened by ONNX Runtime on one thread
"""
