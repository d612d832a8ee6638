"""What was heard: takes measured against the notes that asked for them, and drawn.

recordings  audio files, mono and at one rate                    soundfile, soxr
spectra     audio as pitch, onsets, chroma and peaks             librosa
agreement   onsets and pitches against those of the notes        mir_eval
speaking    when each note begins to be heard
measures    numbers of takes; the names that others import
multipitch  which pitches sound at once
scoring     all that a take is told by
takes       recordings checked, and laid over the notes
plain_tone  the notes as a plain tone
soundfont   the notes as a SoundFont plays them                  pyfluidsynth
figure      Figure 3 of the paper                                matplotlib
extra       the error that names the extra `compare`

What these need beyond livewave itself is that extra; it is imported where it is used and not before.
"""
