"""Samples -> loudspeaker: `resample` (model rate to device rate), `ring` (the FIFO), `device` (what reads it)."""
