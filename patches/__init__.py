"""What plays livewave from other programs. `python -m patches.make` writes the patches that hold a table of its addresses."""
