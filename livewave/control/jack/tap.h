// A tap on JACK MIDI: what arrives at our in-ports is copied out of JACK's real-time thread without the GIL.
//
// Invariants
//   - process() runs in JACK's real-time thread: no lock, no allocation, no system call, no Python.
//   - One writer (process) and one reader (read) share the ring: the writer owns `written_`, the reader owns `taken_`.
//   - An event is taken once: a server in trouble may run a cycle again, with the same events in the buffer or with others.
//   - Where cycles were skipped, because we or the server were late, an event without bytes stands before those of the next one:
//     what arrived meanwhile may be lost.
//   - A slot is filled once (port pointer stored with release order) and never emptied while the client is active.
//   - libjack is reached through function pointers taken from the copy that JACK-Client has loaded, so that building
//     needs no JACK headers and the client handle and the functions always come from the same library.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <thread>
#include <vector>

namespace livewave {

// The two ends of libjack's C interface that the tap needs (jack/types.h, jack/midiport.h).
struct JackMidiEvent {
  uint32_t time;    // frames after the start of the period
  size_t size;      // bytes
  uint8_t* buffer;  // valid inside the period only
};

struct JackFunctions {
  void* (*port_get_buffer)(void* port, uint32_t frames);
  uint32_t (*midi_get_event_count)(void* buffer);
  int (*midi_event_get)(JackMidiEvent* event, void* buffer, uint32_t index);
  uint32_t (*last_frame_time)(const void* client);
  uint64_t (*frames_to_time)(const void* client, uint32_t frame);  // us on JACK's clock, by its filtered timer
  uint64_t (*get_time)();
};

struct TapEvent {
  uint64_t time_us;  // on JACK's clock
  uint32_t frame;    // JACK frame time
  uint8_t slot;
  uint8_t size;  // 0: cycles were skipped
  uint8_t bytes[3];
};

class Tap {
 public:
  static constexpr size_t kSlots = 16;
  static constexpr uint32_t kRing = 4096;  // events; a power of two
  static_assert((kRing & (kRing - 1)) == 0, "positions wrap by masking");

  Tap(const void* client, const JackFunctions& jack) : client_(client), jack_(jack) {}

  size_t add_port(void* port) {
    if (slots_used_ == kSlots) throw std::invalid_argument("a JACK client of livewave has at most 16 MIDI ports");
    slots_[slots_used_].store(port, std::memory_order_release);
    return slots_used_++;
  }

  // Thread: JACK's real-time thread only.
  int process(uint32_t frames) {
    const uint32_t start = jack_.last_frame_time(client_);
    const bool skipped = runs_ && static_cast<int32_t>(start - next_start_) > 0;
    runs_ = true;
    next_start_ = start + frames;
    for (size_t slot = 0; slot < kSlots; ++slot) {
      void* port = slots_[slot].load(std::memory_order_acquire);
      if (port == nullptr) return 0;
      if (skipped) push(static_cast<uint8_t>(slot), start, JackMidiEvent{});
      void* buffer = jack_.port_get_buffer(port, frames);
      if (buffer != nullptr) take(static_cast<uint8_t>(slot), start, buffer);
    }
    return 0;
  }

  // Wait until something arrived or the time is over, then move it all to `out`. Thread: one reader, without the GIL.
  void read(double timeout_s, std::vector<TapEvent>& out) {
    using namespace std::chrono;
    const auto end = steady_clock::now() + duration<double>(timeout_s);
    uint32_t taken = taken_.load(std::memory_order_relaxed);
    while (written_.load(std::memory_order_acquire) == taken && steady_clock::now() < end)
      std::this_thread::sleep_for(microseconds(500));
    const uint32_t written = written_.load(std::memory_order_acquire);
    for (; taken != written; ++taken) out.push_back(ring_[taken & (kRing - 1)]);
    taken_.store(taken, std::memory_order_release);
  }

  uint64_t now_us() const { return jack_.get_time(); }
  uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }
  uint64_t skipped() const { return skipped_.load(std::memory_order_relaxed); }

 private:
  struct Cycle {
    uint32_t start;
    uint64_t events;  // a digest of them
    bool operator==(const Cycle& other) const { return start == other.start && events == other.events; }
  };

  void take(uint8_t slot, uint32_t start, void* buffer) {
    const uint32_t count = jack_.midi_get_event_count(buffer);
    const Cycle cycle{start, digest(buffer, count)};
    if (cycle == taken_cycles_[slot]) return;
    taken_cycles_[slot] = cycle;
    for (uint32_t index = 0; index < count; ++index) {
      JackMidiEvent event;
      if (jack_.midi_event_get(&event, buffer, index) != 0) continue;
      if (event.size == 0 || event.size > 3) {  // system exclusive
        skipped_.fetch_add(1, std::memory_order_relaxed);
        continue;
      }
      push(slot, start + event.time, event);
    }
  }

  // FNV-1a of times, sizes and bytes; never 0, which no cycle has been.
  uint64_t digest(void* buffer, uint32_t count) const {
    uint64_t hash = 0xcbf29ce484222325u;
    const auto add = [&hash](uint64_t value) { hash = (hash ^ value) * 0x100000001b3u; };
    for (uint32_t index = 0; index < count; ++index) {
      JackMidiEvent event;
      if (jack_.midi_event_get(&event, buffer, index) != 0) continue;
      add(event.time);
      add(event.size);
      for (size_t i = 0; i < event.size && i < 3; ++i) add(event.buffer[i]);
    }
    return hash | 1;
  }

  void push(uint8_t slot, uint32_t frame, const JackMidiEvent& event) {
    const uint32_t written = written_.load(std::memory_order_relaxed);
    if (written - taken_.load(std::memory_order_acquire) == kRing) {
      dropped_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    TapEvent& place = ring_[written & (kRing - 1)];
    place.time_us = jack_.frames_to_time(client_, frame);
    place.frame = frame;
    place.slot = slot;
    place.size = static_cast<uint8_t>(event.size);
    for (size_t i = 0; i < event.size; ++i) place.bytes[i] = event.buffer[i];
    written_.store(written + 1, std::memory_order_release);
  }

  const void* client_;
  const JackFunctions jack_;
  std::array<std::atomic<void*>, kSlots> slots_{};
  size_t slots_used_ = 0;
  std::array<Cycle, kSlots> taken_cycles_{};  // the last one of each; JACK's thread only, as the next two
  uint32_t next_start_ = 0;                   // where the cycle begins that follows the last one
  bool runs_ = false;
  std::array<TapEvent, kRing> ring_{};
  alignas(64) std::atomic<uint32_t> written_{0};
  alignas(64) std::atomic<uint32_t> taken_{0};
  std::atomic<uint64_t> dropped_{0};
  std::atomic<uint64_t> skipped_{0};
};

}  // namespace livewave
