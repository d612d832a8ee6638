"""The biaxial LSTM's training: notes on a grid of sixteenths, from MIDI folders and a corpus, learnt and measured.

    python -m training.notes.prepare    MIDI files or a corpus -> OUT/pieces.npz
    python -m training.notes.train      OUT/last.pt, with the loss beside two baselines
"""
