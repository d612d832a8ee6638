"""The panel: a page in the browser that plays livewave and shows how it is.

    server.py   a process of its own: serves the page, and is a client of the daemon's OSC port for each that is open
    tables.py   what the page must know of the addresses, from the tables of livewave.control
    beside.py   that process, started beside a daemon and ended with it
    page/       the page: HTML, CSS and JavaScript modules, as they are; no build, nothing from elsewhere

    page <-- WebSocket: OSC packets as they are --> server <-- TCP: the same packets --> daemon
"""
