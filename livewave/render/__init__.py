"""The roll as audio at the model's rate.

wavenet    the net written once: spec, weights, and a plain engine that defines what every other one computes
modelfile  the net in a file, checked before it is believed (graphcheck reads the graph)
engine     what an engine does, the table of them: native (kernels/), onnx
voice      an engine that is played: its random numbers, its rests, its fades
"""
