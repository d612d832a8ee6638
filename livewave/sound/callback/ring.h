// The audio FIFO and the only code that runs in a device's audio callback.
//
// Invariants
//   One producer thread calls write(); one consumer thread calls play(). Any thread may read the counters.
//   read_ <= written_ <= read_ + capacity_. Both only grow; a frame's slot is its index modulo the capacity. A frame is
//   channels_in_ samples, interleaved.
//   play() neither allocates, locks, waits, nor touches Python; every call fills the whole block it was given.
//   Until the first full block has been seen the ring is not primed: silence, uncounted, and nothing is taken.
//   A block that runs short plays what is there and lets the last sample die away over ramp_ frames (no click). From
//   then on the ring waits for a full block, which fades in over ramp_ frames.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <vector>

namespace livewave {

// When the device last came for frames.
struct Visit {
    std::uint64_t frames = 0;   // frames_read before that block
    double monotonic_s = 0.0;   // steady_clock, which is Python's time.monotonic() on Linux
    double dac_s = 0.0;         // when the block's first frame leaves the device, on the device's own clock
    double now_s = 0.0;         // the device's own clock at the visit
};

class Ring {
public:
    static constexpr std::uint32_t kMostChannelsIn = 16;

    Ring(std::uint64_t capacity_frames, std::uint32_t ramp_frames, std::uint32_t channels_out, std::uint32_t channels_in)
        : channels_out_(channels_out), channels_in_(channels_in), capacity_(capacity_frames), ramp_(ramp_frames),
          fade_in_(ramp_frames), buffer_(capacity_frames * channels_in, 0.0f) {}

    // Thread: producer. frames holds count * channels_in interleaved samples. Returns how many of the frames fitted.
    std::uint64_t write(const float* frames, std::uint64_t count) {
        const std::uint64_t written = written_.load(std::memory_order_relaxed);
        const std::uint64_t room = capacity_ - (written - read_.load(std::memory_order_acquire));
        count = std::min(count, room);
        const std::uint64_t slot = written % capacity_;
        const std::uint64_t before_wrap = std::min(count, capacity_ - slot);
        std::copy_n(frames, before_wrap * channels_in_, buffer_.begin() + static_cast<std::ptrdiff_t>(slot * channels_in_));
        std::copy_n(frames + before_wrap * channels_in_, (count - before_wrap) * channels_in_, buffer_.begin());
        written_.store(written + count, std::memory_order_release);
        return count;
    }

    // Thread: consumer. out holds frames * channels_out interleaved samples, all of them written.
    void play(float* out, std::uint64_t frames, bool device_underflow, double dac_s, double now_s) {
        play_into([&] { out = spread(out); }, frames, device_underflow, dac_s, now_s);
    }

    // The same into channels_in buffers of so many frames each, one channel into each.
    void play_apart(float* const* outs, std::uint64_t frames) {
        std::uint64_t frame = 0;
        play_into([&] {
            for (std::uint32_t c = 0; c < channels_in_; ++c) outs[c][frame] = last_[c];
            ++frame;
        }, frames, false, 0.0, 0.0);
    }

    std::uint64_t capacity_frames() const { return capacity_; }
    std::uint64_t fill_frames() const {
        // read_ first: it can only grow, so the difference is never negative.
        const std::uint64_t read = read_.load(std::memory_order_acquire);
        return std::min(written_.load(std::memory_order_acquire) - read, capacity_);
    }
    std::uint64_t frames_written() const { return written_.load(std::memory_order_acquire); }
    std::uint64_t frames_played() const { return read_.load(std::memory_order_acquire); }
    std::uint64_t frames_read() const { return frames_.load(std::memory_order_acquire); }
    std::uint64_t block_frames() const { return block_frames_.load(std::memory_order_relaxed); }
    std::uint64_t underrun_blocks() const { return underrun_blocks_.load(std::memory_order_relaxed); }
    std::uint64_t underrun_frames() const { return underrun_frames_.load(std::memory_order_relaxed); }
    std::uint64_t device_underflows() const { return device_underflows_.load(std::memory_order_relaxed); }
    std::uint64_t min_fill() const { return std::min(min_fill_.load(std::memory_order_relaxed), capacity_); }
    std::uint64_t take_min_fill() {
        return std::min(min_fill_.exchange(kUnseen, std::memory_order_relaxed), capacity_);
    }

    // Wait-free for the consumer; a reader that was held up for half the slots looks again.
    Visit last_visit() const {
        for (;;) {
            const std::uint64_t count = visits_.load(std::memory_order_acquire);
            if (count == 0) return {};
            const VisitSlot& slot = visit_slots_[(count - 1) % kVisits];
            const Visit visit{slot.frames.load(std::memory_order_relaxed),
                              slot.monotonic_s.load(std::memory_order_relaxed),
                              slot.dac_s.load(std::memory_order_relaxed), slot.now_s.load(std::memory_order_relaxed)};
            std::atomic_thread_fence(std::memory_order_acquire);
            if (visits_.load(std::memory_order_relaxed) - count < kVisits / 2) return visit;
        }
    }

    std::uint32_t channels_in() const { return channels_in_; }
    std::uint32_t channels_out() const { return channels_out_; }
    void set_channels_out(std::uint32_t channels) { channels_out_ = channels; }  // before the stream starts

private:
    struct VisitSlot {
        std::atomic<std::uint64_t> frames{0};
        std::atomic<double> monotonic_s{0.0}, dac_s{0.0}, now_s{0.0};
    };
    static constexpr std::uint64_t kVisits = 8;
    static constexpr std::uint64_t kUnseen = std::numeric_limits<std::uint64_t>::max();

    // put hands last_ on, once for each frame.
    template <class Put>
    void play_into(const Put& put, std::uint64_t frames, bool device_underflow, double dac_s, double now_s) {
        note_visit(frames, device_underflow, dac_s, now_s);
        const std::uint64_t read = read_.load(std::memory_order_relaxed);
        const std::uint64_t fill = written_.load(std::memory_order_acquire) - read;
        if (!playing_ && fill >= std::min(frames, capacity_)) {
            playing_ = true;
            fade_in_ = primed_ ? 0 : ramp_;
            primed_ = true;
        }
        const std::uint64_t take = playing_ ? std::min(fill, frames) : 0;
        if (primed_ && fill < min_fill_.load(std::memory_order_relaxed))
            min_fill_.store(fill, std::memory_order_relaxed);

        std::uint64_t slot = read % capacity_;
        for (std::uint64_t i = 0; i < take; ++i) {
            const float* const frame = &buffer_[slot * channels_in_];
            if (++slot == capacity_) slot = 0;
            const float gain = fade_in_ < ramp_ ? static_cast<float>(++fade_in_) / static_cast<float>(ramp_) : 1.0f;
            const float dying = dying_gain();
            for (std::uint32_t c = 0; c < channels_in_; ++c) last_[c] = frame[c] * gain + dying_from_[c] * dying;
            put();
        }
        read_.store(read + take, std::memory_order_release);
        if (take < frames) fall_silent(put, frames - take);
        frames_.fetch_add(frames, std::memory_order_release);
    }

    void note_visit(std::uint64_t frames, bool device_underflow, double dac_s, double now_s) {
        const std::uint64_t count = visits_.load(std::memory_order_relaxed);
        VisitSlot& slot = visit_slots_[count % kVisits];
        slot.frames.store(frames_.load(std::memory_order_relaxed), std::memory_order_relaxed);
        const auto now = std::chrono::steady_clock::now().time_since_epoch();
        slot.monotonic_s.store(std::chrono::duration<double>(now).count(), std::memory_order_relaxed);
        slot.dac_s.store(dac_s, std::memory_order_relaxed);
        slot.now_s.store(now_s, std::memory_order_relaxed);
        visits_.store(count + 1, std::memory_order_release);
        block_frames_.store(frames, std::memory_order_relaxed);
        if (device_underflow) device_underflows_.fetch_add(1, std::memory_order_relaxed);
    }

    template <class Put>
    void fall_silent(const Put& put, std::uint64_t frames) {
        if (playing_) {
            playing_ = false;
            std::copy_n(last_, kMostChannelsIn, dying_from_);
            dying_left_ = ramp_;
        }
        if (primed_) {
            underrun_blocks_.fetch_add(1, std::memory_order_relaxed);
            underrun_frames_.fetch_add(frames, std::memory_order_relaxed);
        }
        for (std::uint64_t i = 0; i < frames; ++i) {
            const float dying = dying_gain();
            for (std::uint32_t c = 0; c < channels_in_; ++c) last_[c] = dying_from_[c] * dying;
            put();
        }
    }

    float dying_gain() { return dying_left_ == 0 ? 0.0f : static_cast<float>(--dying_left_) / static_cast<float>(ramp_); }

    // last_, to every output: one channel to all of them, the first two to two, or to one as their mean.
    float* spread(float* out) const {
        if (channels_in_ == 1) return std::fill_n(out, channels_out_, last_[0]);
        if (channels_out_ == 1) {
            *out = 0.5f * (last_[0] + last_[1]);
            return out + 1;
        }
        out[0] = last_[0];
        out[1] = last_[1];
        return std::fill_n(out + 2, channels_out_ - 2, 0.0f);
    }

    // The producer's and the consumer's counters lie on different cache lines.
    alignas(64) std::atomic<std::uint64_t> written_{0};
    alignas(64) std::atomic<std::uint64_t> read_{0};
    std::atomic<std::uint64_t> frames_{0}, block_frames_{0}, underrun_blocks_{0}, underrun_frames_{0};
    std::atomic<std::uint64_t> device_underflows_{0}, min_fill_{kUnseen}, visits_{0};
    VisitSlot visit_slots_[kVisits];

    // Consumer only.
    alignas(64) std::uint32_t channels_out_;
    const std::uint32_t channels_in_;
    const std::uint64_t capacity_;
    const std::uint32_t ramp_;
    std::uint32_t fade_in_;           // frames of the fade-in already played; ramp_ = full level
    std::uint32_t dying_left_ = 0;    // frames of the fade-out still to play
    float dying_from_[kMostChannelsIn] = {}, last_[kMostChannelsIn] = {};
    bool playing_ = false, primed_ = false;
    std::vector<float> buffer_;
};

}  // namespace livewave
