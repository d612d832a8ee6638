"""What should sound next: which notes are held, and the roll they make.

clock    what time it is, and which sample belongs to a moment
ledger   events -> strikes and releases: keys, pedals, panic, unplugged cables
roll     strikes and releases -> uint8 [columns, 128]
"""
