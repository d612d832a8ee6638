"""What was heard: takes measured against the notes that asked for them, and drawn.

spectra     audio as pitch, onsets, chroma and peaks             librosa
agreement   onsets and pitches against those of the notes        mir_eval
speaking    when each note begins to be heard
measures    numbers of takes; the names that others import
multipitch  which pitches sound at once
scoring     all that a take is told by
takes       recordings read, brought to one rate, aligned        soundfile, soxr
players     the notes as another instrument plays them           pyfluidsynth, where a SoundFont is asked for
figure      Figure 3 of the paper                                matplotlib
extra       the error that names the extra `compare`

What these need beyond livewave itself is that extra; it is imported where it is used and not before.
"""
