"""What should sound next: which notes are held, and the roll they make.

clock    what time it is, and which sample belongs to a moment
compass  keys -> the pitches that the instrument has
wheels   how far each channel is bent: ranges, MPE zones
ledger   events -> strikes, releases and bends: keys, pedals, wheels, panic, unplugged cables
roll     strikes and releases -> uint8 [columns, 128]
bends    bends -> float32 [columns, 128]
score    the same for a whole piece, from a MIDI file or from notes
"""
