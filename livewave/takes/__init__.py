"""Takes: what was played, recorded so that nothing of it is lost, and made again sample by sample.

    audio process: TapeWriter -> tape (a local stream socket) -> control process: Recorder -> DIR/<take>/

    DIR/2026-11-28_20-15-03/audio.wav    what was rendered, mono, 16 bit
                            log.jsonl    every order with the column where it took effect, and all that a replay needs
                            notes.mid    what was played and what was composed, on tracks of their own
"""
