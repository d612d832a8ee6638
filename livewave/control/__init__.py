"""What arrives, as values: MIDI ports and OSC messages become events in one queue.

events     the values, and the queue between the receiving threads and the one that plays
midi       MIDI ports: which, hot-plug              (midi_bytes: bytes -> events; midi_jack: ports on JACK)
midi_out   where generated notes go
osc        the server: receive loop, replies, list  (osc_addresses: the table; osc_gate: who may send, and how much;
           osc_guard: what may be parsed; osc_socket, osc_pattern, osc_schedule)
link       an Ableton Link session: tempo, beat and start/stop shared in the network  (link_session)
complaints count what is wrong, log the first, then at most a line a second
"""
