ardour {
	["type"]    = "SessionInit",
	name        = "livewave",
	author      = "livewave",
	license     = "MIT",
	description = [[Three tracks: the notes that livewave is to play, its sound, and the notes that it plays on its own.
Where both are on one JACK server, they are connected.]]
}

function factory () return function ()
	local one_midi = ARDOUR.ChanCount (ARDOUR.DataType ("midi"), 1)
	local last, normal = ARDOUR.PresentationInfo.max_order, ARDOUR.TrackMode.Normal

	local function midi_track (name, comment)
		local track = Session:new_midi_track (one_midi, one_midi, true, ARDOUR.PluginInfo (), nil, nil, 1, name, last, normal, false):front ()
		track:set_comment (comment, nil)
		return track
	end

	local function arm (track)
		track:rec_enable_control ():set_value (1, PBD.GroupControlDisposition.NoGroup)
	end

	local notes = midi_track ("notes", "To livewave. Its output belongs to livewave:midi_in.")
	notes:output ():midi (0):connect ("livewave:midi_in")

	local sound = Session:new_audio_track (2, 2, nil, 1, "livewave", last, normal):front ()
	sound:set_comment ("livewave's sound, from livewave-audio:out_0 and out_1. Disconnect these from system:playback, or you hear it twice.", nil)
	for side = 0, 1 do
		sound:input ():audio (side):disconnect_all ()
		sound:input ():audio (side):connect ("livewave-audio:out_" .. side)
	end
	arm (sound)

	local generated = midi_track ("generated", "What livewave plays on its own: livewave run --continue answer --midi-out virtual. Its input belongs to livewave-out:midi_out.")
	generated:input ():midi (0):disconnect_all ()
	generated:input ():midi (0):connect ("livewave-out:midi_out")
	arm (generated)

	Session:save_state ("")
end end
