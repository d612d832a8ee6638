// livewave.sound._ring: the ring, its audio callback, and the resampler's inner loop.
//
// No method releases the GIL: each takes microseconds, and getting the GIL back from a busy thread can take
// milliseconds. The callback itself never touches Python.

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <memory>
#include <tuple>
#include <vector>

#include "polyphase.h"
#include "ring.h"

namespace nb = nanobind;
using namespace nb::literals;
using livewave::Polyphase;
using livewave::Ring;

using Input = nb::ndarray<const float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Frames = nb::ndarray<const float, nb::c_contig, nb::device::cpu>;
using Output = nb::ndarray<float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Table = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

namespace {

// PortAudio's PaStreamCallback, declared here so that building needs no PortAudio.
struct StreamTimes {
    double input_adc_s, now_s, output_dac_s;
};
constexpr unsigned long kOutputUnderflow = 4;

int play_ring(const void*, void* out, unsigned long frames, const StreamTimes* times, unsigned long flags, void* ring) {
    static_cast<Ring*>(ring)->play(static_cast<float*>(out), frames, (flags & kOutputUnderflow) != 0,
                                   times ? times->output_dac_s : 0.0, times ? times->now_s : 0.0);
    return 0;  // paContinue
}

// What JACK's process callback is given. JACK is not linked: who made the client hands over its function and its ports.
struct Apart {
    Ring* ring;
    void* (*buffer_of)(void* port, std::uint32_t frames);
    std::vector<void*> ports;
    std::vector<float*> buffers;
};

int play_apart(std::uint32_t frames, void* given) {
    Apart& apart = *static_cast<Apart*>(given);
    for (std::size_t i = 0; i < apart.ports.size(); ++i)
        apart.buffers[i] = static_cast<float*>(apart.buffer_of(apart.ports[i], frames));
    apart.ring->play_apart(apart.buffers.data(), frames);
    return 0;
}

// The ring lives on the heap at an address and an alignment of its own, for the callback's sake.
struct RingHandle {
    std::unique_ptr<Ring> ring;
    Ring* operator->() const { return ring.get(); }
};

std::uint64_t write_frames(RingHandle& self, Frames frames) {
    const std::size_t channels = self->channels_in();
    const bool fits = channels == 1 ? frames.ndim() == 1 : frames.ndim() == 2 && frames.shape(1) == channels;
    if (!fits) throw nb::type_error("frames must be [n], or [n, channels_in] where that is more than 1");
    return self->write(frames.data(), frames.shape(0));
}

void read_into(RingHandle& self, Output out, bool device_underflow, double dac_s, double now_s) {
    const std::size_t channels = self->channels_out();
    if (out.size() % channels != 0) throw nb::value_error("out must hold a whole number of frames");
    self->play(out.data(), out.size() / channels, device_underflow, dac_s, now_s);
}

void set_channels_out(RingHandle& self, std::uint32_t channels) {
    if (channels < 1 || channels > 64) throw nb::value_error("channels_out must be 1..64");
    self->set_channels_out(channels);
}

std::size_t process(Polyphase& self, Input samples, Output out) {
    if (samples.size() > self.max_block()) throw nb::value_error("the block is longer than max_block");
    if (out.size() < self.frames_for(samples.size())) throw nb::value_error("out is too short for this block");
    return self.process(samples.data(), samples.size(), out.data());
}

}  // namespace

NB_MODULE(_ring, m) {
    nb::set_leak_warnings(false);  // a hung device keeps its ring for good: see portaudio.py
    nb::class_<RingHandle>(m, "Ring")
        .def("__init__", [](RingHandle* self, std::uint64_t capacity_frames, std::uint32_t channels_out,
                            std::uint32_t ramp_frames, std::uint32_t channels_in) {
            if (capacity_frames < 1 || capacity_frames > (1u << 26))
                throw nb::value_error("capacity_frames must be 1..67108864");
            if (ramp_frames < 1) throw nb::value_error("ramp_frames must be at least 1");
            if (channels_in < 1 || channels_in > Ring::kMostChannelsIn) throw nb::value_error("channels_in must be 1..16");
            new (self) RingHandle{std::make_unique<Ring>(capacity_frames, ramp_frames, channels_out, channels_in)};
            set_channels_out(*self, channels_out);
        }, "capacity_frames"_a, "channels_out"_a = 1, "ramp_frames"_a = 96, "channels_in"_a = 1)
        .def("write", &write_frames, "frames"_a.noconvert())
        .def("read_into", &read_into, "out"_a.noconvert(), "device_underflow"_a = false, "dac_s"_a = 0.0,
             "now_s"_a = 0.0)
        .def("take_min_fill", [](RingHandle& self) { return self->take_min_fill(); })
        .def_prop_ro("capacity_frames", [](RingHandle& self) { return self->capacity_frames(); })
        .def_prop_ro("fill_frames", [](RingHandle& self) { return self->fill_frames(); })
        .def_prop_ro("min_fill_frames", [](RingHandle& self) { return self->min_fill(); })
        .def_prop_ro("block_frames", [](RingHandle& self) { return self->block_frames(); })
        .def_prop_ro("frames_written", [](RingHandle& self) { return self->frames_written(); })
        .def_prop_ro("frames_played", [](RingHandle& self) { return self->frames_played(); })
        .def_prop_ro("frames_read", [](RingHandle& self) { return self->frames_read(); })
        .def_prop_ro("underrun_blocks", [](RingHandle& self) { return self->underrun_blocks(); })
        .def_prop_ro("underrun_frames", [](RingHandle& self) { return self->underrun_frames(); })
        .def_prop_ro("pa_underflows", [](RingHandle& self) { return self->device_underflows(); })
        .def_prop_ro("last_visit", [](RingHandle& self) {
            const livewave::Visit visit = self->last_visit();
            return std::make_tuple(visit.frames, visit.monotonic_s, visit.dac_s, visit.now_s);
        })
        .def_prop_ro("channels_in", [](RingHandle& self) { return self->channels_in(); })
        .def_prop_rw("channels_out", [](RingHandle& self) { return self->channels_out(); }, &set_channels_out)
        .def_prop_ro("callback_address", [](RingHandle&) { return reinterpret_cast<std::uintptr_t>(&play_ring); })
        .def_prop_ro("userdata_address",
                     [](RingHandle& self) { return reinterpret_cast<std::uintptr_t>(self.ring.get()); });

    nb::class_<Apart>(m, "Apart")
        .def("__init__", [](Apart* self, RingHandle& ring, std::uintptr_t buffer_of, const std::vector<std::uintptr_t>& ports) {
            if (ports.size() != ring->channels_in()) throw nb::value_error("there must be a port for each channel");
            new (self) Apart{ring.ring.get(), reinterpret_cast<void* (*)(void*, std::uint32_t)>(buffer_of), {},
                             std::vector<float*>(ports.size())};
            for (const std::uintptr_t port : ports) self->ports.push_back(reinterpret_cast<void*>(port));
        }, "ring"_a, "buffer_of"_a, "ports"_a, nb::keep_alive<1, 2>())
        .def_prop_ro("callback_address", [](Apart&) { return reinterpret_cast<std::uintptr_t>(&play_apart); })
        .def_prop_ro("userdata_address", [](Apart& self) { return reinterpret_cast<std::uintptr_t>(&self); });

    nb::class_<Polyphase>(m, "Polyphase")
        .def("__init__", [](Polyphase* self, Table table, std::size_t down, std::size_t max_block) {
            if (table.shape(0) < 1 || table.shape(1) < Polyphase::kLanes || table.shape(1) % Polyphase::kLanes != 0)
                throw nb::value_error("table must be [up, taps] with taps a multiple of 8");
            if (down < 1 || max_block < 1) throw nb::value_error("down and max_block must be at least 1");
            new (self) Polyphase(table.data(), table.shape(0), table.shape(1), down, max_block);
        }, "table"_a.noconvert(), "down"_a, "max_block"_a)
        .def("process", &process, "samples"_a.noconvert(), "out"_a.noconvert())
        .def("frames_for", &Polyphase::frames_for, "samples"_a)
        .def("reset", &Polyphase::reset);
}
