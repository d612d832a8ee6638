-- A session made by a script for Ardour, as Ardour's new-session dialog makes it: ardour.lua SCRIPT FOLDER. On the JACK server that runs.
local made

function ardour (about) made = about end

dofile (arg[1])
assert (made.type == "SessionInit")
AudioEngine:set_backend ("JACK", "", "")
Session = assert (create_session (arg[2], "song", 48000))
factory () ()
close_session ()
quit ()
