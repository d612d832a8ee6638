"""What should sound next: which notes are held, and the roll they make.

clock    what time it is, and which sample belongs to a moment
transport which beat it is and will be: own tempo, taps, MIDI clock, Link  (pulses: clock without jitter; bars: metre)
compass  keys -> the pitches that the instrument has
wheels   how far each channel is bent: ranges, MPE zones
ledger   events -> strikes, releases and bends: keys, pedals, wheels, panic, unplugged cables
roll     strikes and releases -> uint8 [columns, 128]
bends    bends -> float32 [columns, 128]
score    the same for a whole piece, from a MIDI file or from notes
biaxialfile  the net that carries a phrase on, in a file, checked before it is believed
composer     that net at run time: the step that was -> logits of each note of the step to come
grid     notes on the grid of sixteenths, as the rows that this net reads
key      the names and notes of keys, and which one a phrase is in
manner   how the continuation plays, as the player chose
phrase   the memory of what was played, and what a phrase says about its answer
listener   the net hears what it is told when there is time
chooser    likely notes -> notes
generated  composed steps -> NoteOn and NoteOff in time, that can be ended at any moment
continuation  when to play on, what, and for how long: all of these together
"""
