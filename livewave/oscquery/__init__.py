"""OSCQuery: the OSC addresses described to programs, which build a panel of them by themselves.

    tree.py      the address space as JSON, from the tables of livewave.control
    server.py    HTTP and WebSocket, as a client of the daemon's OSC port
    announce.py  zeroconf, so that nobody has to type an address

Source: the OSCQuery proposal, https://github.com/Vidvox/OSCQueryProposal.
"""
