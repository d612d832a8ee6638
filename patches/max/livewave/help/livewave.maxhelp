{
 "patcher": {
  "fileversion": 1,
  "appversion": {
   "major": 8,
   "minor": 0,
   "revision": 0,
   "architecture": "x64",
   "modernui": 1
  },
  "classnamespace": "box",
  "rect": [
   80.0,
   100.0,
   1040.0,
   972.0
  ],
  "bglocked": 0,
  "openinpresentation": 0,
  "default_fontsize": 12.0,
  "default_fontface": 0,
  "default_fontname": "Arial",
  "gridonopen": 1,
  "gridsize": [
   15.0,
   15.0
  ],
  "gridsnaponopen": 1,
  "objectsnaponopen": 1,
  "statusbarvisible": 2,
  "toolbarvisible": 1,
  "boxanimatetime": 200,
  "enablehscroll": 1,
  "enablevscroll": 1,
  "description": "",
  "digest": "",
  "tags": "",
  "style": "",
  "subpatcher_template": "",
  "boxes": [
   {
    "box": {
     "id": "obj-1",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      20.0,
      12.0,
      960.0,
      40.0
     ],
     "text": "livewave: plays a neural instrument by OSC. Start it first: livewave run. Arguments, if any: host, its OSC port (9000), and a port to hear at (9001; another one for each livewave object)",
     "linecount": 2
    }
   },
   {
    "box": {
     "id": "obj-2",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 2,
     "patching_rect": [
      20.0,
      902.0,
      66.8,
      22.0
     ],
     "outlettype": [
      "",
      ""
     ],
     "text": "livewave"
    }
   },
   {
    "box": {
     "id": "obj-3",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      20.0,
      70.0,
      51.599999999999994,
      22.0
     ],
     "outlettype": [
      ""
     ],
     "text": "67 100"
    }
   },
   {
    "box": {
     "id": "obj-4",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      330.0,
      70.0,
      680.0,
      20.0
     ],
     "text": "(pitch 0..127; velocity 0..127) a note begins; velocity 0 ends it; every on needs its off",
     "linecount": 1
    }
   },
   {
    "box": {
     "id": "obj-5",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      20.0,
      98.0,
      104.39999999999999,
      22.0
     ],
     "outlettype": [
      ""
     ],
     "text": "note/on 67 100"
    }
   },
   {
    "box": {
     "id": "obj-6",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      330.0,
      98.0,
      680.0,
      20.0
     ],
     "text": "(pitch 0..127; velocity 0..127) a note begins; velocity 0 ends it",
     "linecount": 1
    }
   },
   {
    "box": {
     "id": "obj-7",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      20.0,
      126.0,
      84.6,
      22.0
     ],
     "outlettype": [
      ""
     ],
     "text": "note/off 67"
    }
   },
   {
    "box": {
     "id": "obj-8",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      330.0,
      126.0,
      680.0,
      20.0
     ],
     "text": "(pitch 0..127) a note ends",
     "linecount": 1
    }
   },
   {
    "box": {
     "id": "obj-9",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      20.0,
      154.0,
      71.4,
      22.0
     ],
     "outlettype": [
      ""
     ],
     "text": "sustain 1"
    }
   },
   {
    "box": {
     "id": "obj-10",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      330.0,
      154.0,
      680.0,
      20.0
     ],
     "text": "(depth 0..1) the sustain pedal; down from 0.5 on",
     "linecount": 1
    }
   },
   {
    "box": {
     "id": "obj-11",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      20.0,
      182.0,
      64.8,
      22.0
     ],
     "outlettype": [
      ""
     ],
     "text": "bend 0.5"
    }
   },
   {
    "box": {
     "id": "obj-12",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      330.0,
      182.0,
      680.0,
      40.0
     ],
     "text": "(bend -48..48 semitones) bends every note of the sender's host, those to come too, where the model has an f0 hint; 0 ends it",
     "linecount": 2
    }
   },
   {
    "box": {
     "id": "obj-13",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      20.0,
      210.0,
      45.0,
      22.0
     ],
     "outlettype": [
      ""
     ],
     "text": "panic"
    }
   },
   {
    "box": {
     "id": "obj-14",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      330.0,
      210.0,
      680.0,
      20.0
     ],
     "text": "every note off, every pedal up, silence",
     "linecount": 1
    }
   },
   {
    "box": {
     "id": "obj-15",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      20.0,
      238.0,
      58.199999999999996,
      22.0
     ],
     "outlettype": [
      ""
     ],
     "text": "gain -6"
    }
   },
   {
    "box": {
     "id": "obj-16",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      330.0,
      238.0,
      680.0,
      20.0
     ],
     "text": "(gain -90..12 dB) output level",
     "linecount": 1
    }
   },
   {
    "box": {
     "id": "obj-17",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      20.0,
      266.0,
      111.0,
      22.0
     ],
     "outlettype": [
      ""
     ],
     "text": "temperature 0.8"
    }
   },
   {
    "box": {
     "id": "obj-18",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      330.0,
      266.0,
      680.0,
      20.0
     ],
     "text": "(temperature 0..2) how freely the net draws its samples, of every voice; 0 takes the likeliest",
     "linecount": 1
    }
   },
   {
    "box": {
     "id": "obj-19",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      20.0,
      294.0,
      84.6,
      22.0
     ],
     "outlettype": [
      ""
     ],
     "text": "model cello"
    }
   },
   {
    "box": {
     "id": "obj-20",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      330.0,
      294.0,
      680.0,
      40.0
     ],
     "text": "(name) play with another model of the model path, by its name (in an ensemble: voice/N/model); /livewave/done or /livewave/fail follows",
     "linecount": 2
    }
   },
   {
    "box": {
     "id": "obj-21",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      20.0,
      322.0,
      64.8,
      22.0
     ],
     "outlettype": [
      ""
     ],
     "text": "record 1"
    }
   },
   {
    "box": {
     "id": "obj-22",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      330.0,
      322.0,
      680.0,
      20.0
     ],
     "text": "(on 0..1) begin a take in the folder of --record, or end it; /livewave/done or /livewave/fail follows",
     "linecount": 1
    }
   },
   {
    "box": {
     "id": "obj-23",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      20.0,
      350.0,
      45.0,
      22.0
     ],
     "outlettype": [
      ""
     ],
     "text": "reset"
    }
   },
   {
    "box": {
     "id": "obj-24",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      330.0,
      350.0,
      680.0,
      20.0
     ],
     "text": "notes, pedals and settings as at start, and the net begins afresh; the model stays",
     "linecount": 1
    }
   },
   {
    "box": {
     "id": "obj-25",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      20.0,
      378.0,
      111.0,
      22.0
     ],
     "outlettype": [
      ""
     ],
     "text": "continue answer"
    }
   },
   {
    "box": {
     "id": "obj-26",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      330.0,
      378.0,
      680.0,
      40.0
     ],
     "text": "(mode off | answer | endless | duet) play on when the player stops, or beside the player; /livewave/done or /livewave/fail follows",
     "linecount": 2
    }
   },
   {
    "box": {
     "id": "obj-27",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      20.0,
      406.0,
      157.2,
      22.0
     ],
     "outlettype": [
      ""
     ],
     "text": "continue/temperature 1"
    }
   },
   {
    "box": {
     "id": "obj-28",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      330.0,
      406.0,
      680.0,
      20.0
     ],
     "text": "(temperature 0.1..2) how freely its notes are drawn",
     "linecount": 1
    }
   },
   {
    "box": {
     "id": "obj-29",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      20.0,
      434.0,
      130.8,
      22.0
     ],
     "outlettype": [
      ""
     ],
     "text": "continue/density 1"
    }
   },
   {
    "box": {
     "id": "obj-30",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      330.0,
      434.0,
      680.0,
      20.0
     ],
     "text": "(density 0.25..4) how many notes it plays: above 1 more than the net would, below 1 fewer",
     "linecount": 1
    }
   },
   {
    "box": {
     "id": "obj-31",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      20.0,
      462.0,
      144.0,
      22.0
     ],
     "outlettype": [
      ""
     ],
     "text": "continue/range 48 84"
    }
   },
   {
    "box": {
     "id": "obj-32",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      330.0,
      462.0,
      680.0,
      20.0
     ],
     "text": "(low 24..101; high 24..101) the pitches it may play, at least an octave",
     "linecount": 1
    }
   },
   {
    "box": {
     "id": "obj-33",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      20.0,
      490.0,
      117.6,
      22.0
     ],
     "outlettype": [
      ""
     ],
     "text": "continue/key F#m"
    }
   },
   {
    "box": {
     "id": "obj-34",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      330.0,
      490.0,
      680.0,
      20.0
     ],
     "text": "(key) off: any note; auto: those of the key that was played in; or those of a key: C, F#m, Bbm",
     "linecount": 1
    }
   },
   {
    "box": {
     "id": "obj-35",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      20.0,
      518.0,
      144.0,
      22.0
     ],
     "outlettype": [
      ""
     ],
     "text": "continue/polyphony 4"
    }
   },
   {
    "box": {
     "id": "obj-36",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      330.0,
      518.0,
      680.0,
      20.0
     ],
     "text": "(notes 1..16) how many notes of its own may sound together",
     "linecount": 1
    }
   },
   {
    "box": {
     "id": "obj-37",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      20.0,
      546.0,
      111.0,
      22.0
     ],
     "outlettype": [
      ""
     ],
     "text": "continue/rest 2"
    }
   },
   {
    "box": {
     "id": "obj-38",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      330.0,
      546.0,
      680.0,
      20.0
     ],
     "text": "(rest 0.5..32 beats) so long without a held key ends a phrase",
     "linecount": 1
    }
   },
   {
    "box": {
     "id": "obj-39",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      20.0,
      574.0,
      71.4,
      22.0
     ],
     "outlettype": [
      ""
     ],
     "text": "tempo 120"
    }
   },
   {
    "box": {
     "id": "obj-40",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      330.0,
      574.0,
      680.0,
      20.0
     ],
     "text": "(tempo 20..400 bpm) quarter notes a minute",
     "linecount": 1
    }
   },
   {
    "box": {
     "id": "obj-41",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      20.0,
      602.0,
      32.0,
      22.0
     ],
     "outlettype": [
      ""
     ],
     "text": "tap"
    }
   },
   {
    "box": {
     "id": "obj-42",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      330.0,
      602.0,
      680.0,
      20.0
     ],
     "text": "tap the tempo, a quarter note apart",
     "linecount": 1
    }
   },
   {
    "box": {
     "id": "obj-43",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      20.0,
      630.0,
      71.4,
      22.0
     ],
     "outlettype": [
      ""
     ],
     "text": "metre 4 4"
    }
   },
   {
    "box": {
     "id": "obj-44",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      330.0,
      630.0,
      680.0,
      40.0
     ],
     "text": "(beats 1..16; unit 2..16) bars of so many halves, quarters, eighths or sixteenths (unit 2, 4, 8, 16), from the next bar line on",
     "linecount": 2
    }
   },
   {
    "box": {
     "id": "obj-45",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      20.0,
      658.0,
      64.8,
      22.0
     ],
     "outlettype": [
      ""
     ],
     "text": "notify 1"
    }
   },
   {
    "box": {
     "id": "obj-46",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      330.0,
      658.0,
      680.0,
      40.0
     ],
     "text": "(on 0..2; port 1..65535) 1: tell the sender what goes out to all; 2: blobs too, which not every program can read; 0: stop. At the port it sends from, or at this one, which then gets the answers, too",
     "linecount": 2
    }
   },
   {
    "box": {
     "id": "obj-47",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      20.0,
      686.0,
      51.599999999999994,
      22.0
     ],
     "outlettype": [
      ""
     ],
     "text": "status"
    }
   },
   {
    "box": {
     "id": "obj-48",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      330.0,
      686.0,
      680.0,
      20.0
     ],
     "text": "answered by /livewave/status.reply",
     "linecount": 1
    }
   },
   {
    "box": {
     "id": "obj-49",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      20.0,
      714.0,
      51.599999999999994,
      22.0
     ],
     "outlettype": [
      ""
     ],
     "text": "voices"
    }
   },
   {
    "box": {
     "id": "obj-50",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      330.0,
      714.0,
      680.0,
      20.0
     ],
     "text": "answered by /livewave/voice.reply, one for each voice",
     "linecount": 1
    }
   },
   {
    "box": {
     "id": "obj-51",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      20.0,
      742.0,
      51.599999999999994,
      22.0
     ],
     "outlettype": [
      ""
     ],
     "text": "models"
    }
   },
   {
    "box": {
     "id": "obj-52",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      330.0,
      742.0,
      680.0,
      20.0
     ],
     "text": "answered by /livewave/models.reply",
     "linecount": 1
    }
   },
   {
    "box": {
     "id": "obj-53",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      20.0,
      770.0,
      58.199999999999996,
      22.0
     ],
     "outlettype": [
      ""
     ],
     "text": "version"
    }
   },
   {
    "box": {
     "id": "obj-54",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      330.0,
      770.0,
      680.0,
      20.0
     ],
     "text": "answered by /livewave/version.reply",
     "linecount": 1
    }
   },
   {
    "box": {
     "id": "obj-55",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      20.0,
      798.0,
      51.599999999999994,
      22.0
     ],
     "outlettype": [
      ""
     ],
     "text": "sync 1"
    }
   },
   {
    "box": {
     "id": "obj-56",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      330.0,
      798.0,
      680.0,
      20.0
     ],
     "text": "(id) answered by /livewave/synced with the same number, after everything sent before",
     "linecount": 1
    }
   },
   {
    "box": {
     "id": "obj-57",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      20.0,
      826.0,
      78.0,
      22.0
     ],
     "outlettype": [
      ""
     ],
     "text": "clearSched"
    }
   },
   {
    "box": {
     "id": "obj-58",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      330.0,
      826.0,
      680.0,
      20.0
     ],
     "text": "forget what bundles dated in the future would have done, and let go what their senders hold",
     "linecount": 1
    }
   },
   {
    "box": {
     "id": "obj-59",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      20.0,
      854.0,
      71.4,
      22.0
     ],
     "outlettype": [
      ""
     ],
     "text": "dumpOSC 1"
    }
   },
   {
    "box": {
     "id": "obj-60",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      330.0,
      854.0,
      680.0,
      20.0
     ],
     "text": "(on 0..1) log every message that arrives, or stop",
     "linecount": 1
    }
   },
   {
    "box": {
     "id": "obj-61",
     "maxclass": "message",
     "numinlets": 2,
     "numoutlets": 1,
     "patching_rect": [
      200.0,
      902.0,
      111.0,
      22.0
     ],
     "outlettype": [
      ""
     ],
     "text": "voice 2 gain -6"
    }
   },
   {
    "box": {
     "id": "obj-62",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      330.0,
      932.0,
      680.0,
      40.0
     ],
     "text": "for one voice of an ensemble, by its number: what is above from note to panic, gain, temperature, model; and pan, mute, transpose",
     "linecount": 2
    }
   },
   {
    "box": {
     "id": "obj-63",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      20.0,
      937.0,
      106.39999999999999,
      22.0
     ],
     "text": "print livewave"
    }
   },
   {
    "box": {
     "id": "obj-64",
     "maxclass": "newobj",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      150.0,
      937.0,
      93.19999999999999,
      22.0
     ],
     "text": "print played"
    }
   },
   {
    "box": {
     "id": "obj-65",
     "maxclass": "comment",
     "numinlets": 1,
     "numoutlets": 0,
     "patching_rect": [
      330.0,
      902.0,
      680.0,
      60.0
     ],
     "text": "left outlet: done, fail, synced, status.reply, voice.reply, models.reply, version.reply, level, voice/level, latency, load, underruns, adherence, record, notice; right outlet: pitch and velocity of the notes that it plays on its own",
     "linecount": 3
    }
   }
  ],
  "lines": [
   {
    "patchline": {
     "destination": [
      "obj-2",
      0
     ],
     "source": [
      "obj-3",
      0
     ]
    }
   },
   {
    "patchline": {
     "destination": [
      "obj-2",
      0
     ],
     "source": [
      "obj-5",
      0
     ]
    }
   },
   {
    "patchline": {
     "destination": [
      "obj-2",
      0
     ],
     "source": [
      "obj-7",
      0
     ]
    }
   },
   {
    "patchline": {
     "destination": [
      "obj-2",
      0
     ],
     "source": [
      "obj-9",
      0
     ]
    }
   },
   {
    "patchline": {
     "destination": [
      "obj-2",
      0
     ],
     "source": [
      "obj-11",
      0
     ]
    }
   },
   {
    "patchline": {
     "destination": [
      "obj-2",
      0
     ],
     "source": [
      "obj-13",
      0
     ]
    }
   },
   {
    "patchline": {
     "destination": [
      "obj-2",
      0
     ],
     "source": [
      "obj-15",
      0
     ]
    }
   },
   {
    "patchline": {
     "destination": [
      "obj-2",
      0
     ],
     "source": [
      "obj-17",
      0
     ]
    }
   },
   {
    "patchline": {
     "destination": [
      "obj-2",
      0
     ],
     "source": [
      "obj-19",
      0
     ]
    }
   },
   {
    "patchline": {
     "destination": [
      "obj-2",
      0
     ],
     "source": [
      "obj-21",
      0
     ]
    }
   },
   {
    "patchline": {
     "destination": [
      "obj-2",
      0
     ],
     "source": [
      "obj-23",
      0
     ]
    }
   },
   {
    "patchline": {
     "destination": [
      "obj-2",
      0
     ],
     "source": [
      "obj-25",
      0
     ]
    }
   },
   {
    "patchline": {
     "destination": [
      "obj-2",
      0
     ],
     "source": [
      "obj-27",
      0
     ]
    }
   },
   {
    "patchline": {
     "destination": [
      "obj-2",
      0
     ],
     "source": [
      "obj-29",
      0
     ]
    }
   },
   {
    "patchline": {
     "destination": [
      "obj-2",
      0
     ],
     "source": [
      "obj-31",
      0
     ]
    }
   },
   {
    "patchline": {
     "destination": [
      "obj-2",
      0
     ],
     "source": [
      "obj-33",
      0
     ]
    }
   },
   {
    "patchline": {
     "destination": [
      "obj-2",
      0
     ],
     "source": [
      "obj-35",
      0
     ]
    }
   },
   {
    "patchline": {
     "destination": [
      "obj-2",
      0
     ],
     "source": [
      "obj-37",
      0
     ]
    }
   },
   {
    "patchline": {
     "destination": [
      "obj-2",
      0
     ],
     "source": [
      "obj-39",
      0
     ]
    }
   },
   {
    "patchline": {
     "destination": [
      "obj-2",
      0
     ],
     "source": [
      "obj-41",
      0
     ]
    }
   },
   {
    "patchline": {
     "destination": [
      "obj-2",
      0
     ],
     "source": [
      "obj-43",
      0
     ]
    }
   },
   {
    "patchline": {
     "destination": [
      "obj-2",
      0
     ],
     "source": [
      "obj-45",
      0
     ]
    }
   },
   {
    "patchline": {
     "destination": [
      "obj-2",
      0
     ],
     "source": [
      "obj-47",
      0
     ]
    }
   },
   {
    "patchline": {
     "destination": [
      "obj-2",
      0
     ],
     "source": [
      "obj-49",
      0
     ]
    }
   },
   {
    "patchline": {
     "destination": [
      "obj-2",
      0
     ],
     "source": [
      "obj-51",
      0
     ]
    }
   },
   {
    "patchline": {
     "destination": [
      "obj-2",
      0
     ],
     "source": [
      "obj-53",
      0
     ]
    }
   },
   {
    "patchline": {
     "destination": [
      "obj-2",
      0
     ],
     "source": [
      "obj-55",
      0
     ]
    }
   },
   {
    "patchline": {
     "destination": [
      "obj-2",
      0
     ],
     "source": [
      "obj-57",
      0
     ]
    }
   },
   {
    "patchline": {
     "destination": [
      "obj-2",
      0
     ],
     "source": [
      "obj-59",
      0
     ]
    }
   },
   {
    "patchline": {
     "destination": [
      "obj-2",
      0
     ],
     "source": [
      "obj-61",
      0
     ]
    }
   },
   {
    "patchline": {
     "destination": [
      "obj-63",
      0
     ],
     "source": [
      "obj-2",
      0
     ]
    }
   },
   {
    "patchline": {
     "destination": [
      "obj-64",
      0
     ],
     "source": [
      "obj-2",
      1
     ]
    }
   }
  ],
  "dependency_cache": [],
  "autosave": 0
 }
}
