// livewave.control._jack: the MIDI tap for Python. Addresses travel as whole numbers; they are libjack's.
#include <nanobind/nanobind.h>

#include <vector>

#include "tap.h"

namespace nb = nanobind;
using livewave::JackFunctions;
using livewave::Tap;
using livewave::TapEvent;

namespace {

int process(uint32_t frames, void* tap) { return static_cast<Tap*>(tap)->process(frames); }

void silent(const char*) {}

template <typename Function>
void bind(Function& function, const nb::dict& addresses, const char* name) {
  function = reinterpret_cast<Function>(nb::cast<uintptr_t>(addresses[name]));
}

JackFunctions functions(const nb::dict& addresses) {
  JackFunctions jack;
  bind(jack.port_get_buffer, addresses, "jack_port_get_buffer");
  bind(jack.midi_get_event_count, addresses, "jack_midi_get_event_count");
  bind(jack.midi_event_get, addresses, "jack_midi_event_get");
  bind(jack.last_frame_time, addresses, "jack_last_frame_time");
  bind(jack.frames_to_time, addresses, "jack_frames_to_time");
  bind(jack.get_time, addresses, "jack_get_time");
  return jack;
}

nb::list read_events(Tap& tap, double timeout_s) {
  std::vector<TapEvent> events;
  {
    nb::gil_scoped_release released;
    tap.read(timeout_s, events);
  }
  nb::list out;
  for (const TapEvent& event : events)
    out.append(nb::make_tuple(event.slot, event.time_us, event.frame,
                              nb::bytes(reinterpret_cast<const char*>(event.bytes), event.size)));
  return out;
}

}  // namespace

NB_MODULE(_jack, m) {
  m.doc() = "MIDI from JACK's real-time thread, without the GIL.";
  m.attr("process_address") = reinterpret_cast<uintptr_t>(&process);
  m.attr("silent_address") = reinterpret_cast<uintptr_t>(&silent);  // for jack_set_error_function
  nb::class_<Tap>(m, "Tap")
      .def("__init__",
           [](Tap* self, uintptr_t client, const nb::dict& addresses) {
             new (self) Tap(reinterpret_cast<void*>(client), functions(addresses));
           },
           nb::arg("client"), nb::arg("functions"), "functions: name of each libjack function used -> its address")
      .def_prop_ro("address", [](Tap& self) { return reinterpret_cast<uintptr_t>(&self); })
      .def("add_port", [](Tap& self, uintptr_t port) { return self.add_port(reinterpret_cast<void*>(port)); },
           "Listen to this in-port from the next period on; its slot number.")
      .def("read", &read_events, nb::arg("timeout_s"),
           "Wait without the GIL for events: [(slot, us on JACK's clock, JACK frame, bytes)]; no bytes: cycles were skipped. "
           "One reader thread.")
      .def("now_us", &Tap::now_us)
      .def_prop_ro("dropped", &Tap::dropped, "events lost because the reader was late by a whole ring")
      .def_prop_ro("skipped", &Tap::skipped, "system exclusive messages");
}
