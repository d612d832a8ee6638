"""What arrives, as values: MIDI ports and OSC messages become events in one queue.

events     the values, and the queue between the receiving threads and the one that plays
midi       MIDI ports by python-rtmidi; which ports, hot-plug        (midi_bytes: bytes -> events; midi_jack: ports on JACK)
osc        the OSC server: receive loop, replies, notify list        (osc_addresses: the table; osc_guard, osc_pattern)
complaints count what is wrong, log the first, then at most a line a second
"""
