// A client of the daemon (livewave run), by OSC.
//
// What is sent has the names of the OSC addresses, without /livewave/: send(\gain, -6). What comes back is kept (status), or given
// to whoever asked for it (on). Events of the type \livewave play notes: they are sent ahead, in bundles dated for their moment.
Livewave {
	classvar <>default;
	var <addr, <status, <responders, beat, wanted = 1;

	*initClass {
		Class.initClassTree(Event);
		Event.addEventType(\livewave, {
			var player = ~livewave ? Livewave.default;
			var lag = ~latency ? 0.2;
			var seconds = ~sustain.value * thisThread.clock.beatDur;
			if (player.isNil) { Error("no Livewave: make one first, Livewave()").throw };
			[~midinote.value, ~velocity ?? { ~amp.value.linlin(0, 1, 1, 127).round }].flop.do { |pair|
				player.play(pair[0].round.asInteger, pair[1].asInteger, seconds, lag)
			}
		});
	}

	*new { |host = "127.0.0.1", port = 9000|
		^super.new.init(host, port)
	}

	init { |host, port|
		addr = NetAddr(host, port);
		status = IdentityDictionary.new;
		responders = List.new;
		default = default ? this;
		this.prListen('status.reply', { |message|
			message.pairsDo { |name, value| status.put(name.asSymbol, value) }
		});
	}

	// any message: send(\gain, -6), send('continue/density', 2)
	send { |name ... values|
		addr.sendMsg("/livewave/" ++ name, *values)
	}

	noteOn { |pitch, velocity = 100| this.send('note/on', pitch, velocity) }
	noteOff { |pitch| this.send('note/off', pitch) }

	// a note of so many seconds, `lag` seconds from now
	play { |pitch, velocity = 100, seconds = 0.5, lag = 0.2|
		addr.sendBundle(lag, ["/livewave/note", pitch, velocity]);
		addr.sendBundle(lag + seconds, ["/livewave/note", pitch, 0]);
	}

	gain { |db| this.send(\gain, db.asFloat) }
	temperature { |value| this.send(\temperature, value.asFloat) }
	model { |name| this.send(\model, name.asString) }
	continue { |mode| this.send(\continue, mode.asString) }
	tempo { |bpm| this.send(\tempo, bpm.asFloat) }
	panic { this.send(\panic) }
	record { |on = true| this.send(\record, on.binaryValue) }

	// what `livewave status` shows, given to `done` as a dictionary (and kept in `status`)
	askStatus { |done|
		this.prOnce('status.reply', { done.value(status) });
		this.send(\status)
	}

	// let `action` be given the values of each message of that name: on(\level, { |peak| ... }). The notify list is joined for it,
	// and told that blobs are wanted where one is asked for: Int8Arrays
	on { |name, action|
		var responder = this.prListen(name, { |values| action.value(*values) });
		if ([\sounding, \spectrum].includes(name.asSymbol)) { wanted = 2 };
		this.prNotify;
		^responder
	}

	free {
		responders.do(_.free);
		responders.clear;
		beat.stop;
		this.send(\notify, 0);
		if (default === this) { default = nil };
	}

	// again and again: a daemon that was started anew has forgotten who listens
	prNotify {
		beat = beat ?? {
			SkipJack({ this.send(\notify, wanted) }, 2.0, name: "livewave-notify", clock: SystemClock)
		};
		this.send(\notify, wanted)
	}

	prListen { |name, action|
		var responder = OSCFunc({ |message| action.value(message[1..]) }, ("/livewave/" ++ name).asSymbol, addr);
		responder.permanent = true;
		responders.add(responder);
		^responder
	}

	prOnce { |name, action|
		^OSCFunc({ |message| action.value(message[1..]) }, ("/livewave/" ++ name).asSymbol, addr).oneShot
	}
}
