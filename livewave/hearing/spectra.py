"""Audio as pitch, onsets, chroma and spectral peaks, all by librosa.

Onsets, chroma and peaks go in steps of seconds, as nearly as samples allow; the pitch track goes in steps of samples.
Every function takes mono float32 [samples].
"""

from __future__ import annotations

import numpy as np

from livewave.hearing.extra import needed
from livewave.render.wavenet import A4_HZ

HOP = 256  # samples of the pitch track
ONSET_HOP_S, ONSET_WINDOW_S = 0.008, 0.064
CHROMA_HOP_S = 0.016  # nearly: librosa wants a multiple of 64 samples
LONGEST_FILTER_S = 4.0  # of the constant-Q transform: shorter takes are filled up with silence
PEAK_WINDOW_S = 0.096  # of a Blackman window: no sidelobe is a peak
LOWEST_HZ = 50.0
SILENT = 1e-4  # -80 dB: a take that never exceeds it has neither onsets nor peaks


def pitch_track(audio: np.ndarray, rate_hz: int, low: int, high: int) -> tuple[np.ndarray, np.ndarray]:
    """Times [frames] in s and fractional MIDI pitches [frames], NaN where unvoiced. Source: pYIN, Mauch and Dixon 2014.

    Above a quarter of the rate no pitch is told.
    """
    with needed("librosa"):
        import librosa

    size = 1024 if low >= 50 else 2048
    # a hair above the highest: librosa counts whole semitones between the two, and rounding must not lose one
    fmin, fmax = max(hz_of(low - 2), 2.1 * rate_hz / size), min(1.0001 * hz_of(high + 2), rate_hz / 4)
    if fmin >= fmax:
        frames = 1 + len(audio) // HOP
        return np.arange(frames) * HOP / rate_hz, np.full(frames, np.nan)
    leap = int(12 * np.log2(fmax / fmin)) / 12 * rate_hz / HOP  # octaves a second: any note may follow any other
    hz, _, _ = librosa.pyin(audio, fmin=fmin, fmax=fmax, sr=rate_hz, frame_length=size, hop_length=HOP,
                            max_transition_rate=leap)
    return np.arange(len(hz)) * HOP / rate_hz, 69.0 + 12.0 * np.log2(hz / A4_HZ)


def onsets(audio: np.ndarray, rate_hz: int) -> np.ndarray:
    """float64 [n] s: where something new begins, struck again included; none in silence.

    The maximum filter keeps vibrato from counting as new. Struck notes are found up to 20 ms early, bowed and blown ones
    up to 20 ms late. Source: SuperFlux, Boeck and Widmer 2013; its parameters are the best over seven sampled instruments.
    """
    with needed("librosa"):
        import librosa

    if np.abs(audio).max(initial=0.0) < SILENT:
        return np.zeros(0)
    hop, window = round(ONSET_HOP_S * rate_hz), power_of_two(ONSET_WINDOW_S * rate_hz)
    ahead = 2 * window  # of silence: a take may begin with its first note
    spectrum = np.abs(librosa.stft(np.pad(audio, ahead), n_fft=2 * window, win_length=window, hop_length=hop))
    bands = librosa.filters.mel(sr=rate_hz, n_fft=2 * window, n_mels=138, fmin=LOWEST_HZ, fmax=rate_hz / 2) @ spectrum
    flux = librosa.onset.onset_strength(S=np.log1p(100.0 * bands / bands.max()), sr=rate_hz, hop_length=hop, lag=4,
                                        max_size=3, center=False)
    frames = librosa.onset.onset_detect(onset_envelope=flux, sr=rate_hz, hop_length=hop, units="frames", delta=0.1,
                                        wait=round(0.064 / ONSET_HOP_S))
    return np.maximum(0.0, (frames * hop - ahead) / rate_hz)


def chroma(audio: np.ndarray, rate_hz: int) -> np.ndarray:
    """float32 [12, frames]: how strongly each pitch class sounds, C first, a frame each chroma_hop samples.

    The strongest of a frame is 1; frames 60 dB below the loudest are 0. Constant-Q, so that low semitones are told
    apart. Source: Schoerkhuber and Klapuri 2010.
    """
    with needed("librosa"):
        import librosa

    return librosa.util.normalize(_pitch_classes(audio, rate_hz, librosa), norm=np.inf, axis=0, threshold=1e-9)


def sounding_pitch_classes(audio: np.ndarray, rate_hz: int) -> np.ndarray:
    """float32 [12, frames]: as chroma, but louder frames are larger: the loudest pitch class of the take is 1."""
    with needed("librosa"):
        import librosa

    classes = _pitch_classes(audio, rate_hz, librosa)
    return classes / max(1e-9, float(classes.max(initial=0.0)))


def peaks(audio: np.ndarray, rate_hz: int, hop_s: float, most: int, lowest_hz: float,
          highest_hz: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The peak-frequency spectrogram: times [n] in s, frequencies [n] in Hz, levels [n] in dB below the loudest peak.

    In each frame the `most` strongest local maxima of the spectrum between the two frequencies, each at the top of the
    parabola through three bins; those 40 dB below the frame's strongest are left out.
    Source: after the layer of that name in Sonic Visualiser, Cannam et al. 2010.
    """
    with needed("librosa"):
        import librosa

    if np.abs(audio).max(initial=0.0) < SILENT:
        return np.zeros(0), np.zeros(0), np.zeros(0)
    hop, window = max(1, round(hop_s * rate_hz)), round(PEAK_WINDOW_S * rate_hz)
    size = 2 * power_of_two(window)
    spectrum = np.abs(librosa.stft(audio, n_fft=size, win_length=window, hop_length=hop, window="blackman"))
    hz, strength = librosa.piptrack(S=spectrum, sr=rate_hz, n_fft=size, fmin=lowest_hz, fmax=highest_hz, threshold=0.01)
    most = min(most, len(hz))
    rows = np.argpartition(strength, -most, axis=0)[-most:]
    hz, strength = np.take_along_axis(hz, rows, 0), np.take_along_axis(strength, rows, 0)
    found = strength > 0.0
    times = np.broadcast_to(np.arange(hz.shape[1]) * hop / rate_hz, hz.shape)[found]
    return times, hz[found], 20.0 * np.log10(strength[found] / strength.max())


def chroma_hop(rate_hz: int) -> int:
    """Samples between frames of `chroma`."""
    return 64 * max(1, round(CHROMA_HOP_S * rate_hz / 64))


def power_of_two(samples: float) -> int:
    return 1 << max(6, round(np.log2(samples)))


def hz_of(pitch: float) -> float:
    return A4_HZ * 2.0 ** ((pitch - 69) / 12.0)


def _pitch_classes(audio: np.ndarray, rate_hz: int, librosa) -> np.ndarray:
    """float32 [12, frames], not normalised; 0 in frames 60 dB below the loudest."""
    hop = chroma_hop(rate_hz)
    if np.abs(audio).max(initial=0.0) < SILENT:
        return np.zeros((12, 1 + len(audio) // hop), np.float32)
    frames = 1 + len(audio) // hop
    audio = np.pad(np.asarray(audio, np.float32), (0, max(0, round(LONGEST_FILTER_S * rate_hz) - len(audio))))
    octaves = min(7, int(np.log2(0.45 * rate_hz / hz_of(24))))
    classes = librosa.feature.chroma_cqt(y=audio, sr=rate_hz, hop_length=hop, tuning=0.0, norm=None,
                                         n_octaves=octaves)[:, :frames]
    classes[:, classes.max(0) < 1e-3 * classes.max()] = 0.0
    return classes.astype(np.float32)
