// Streaming rational-ratio FIR.
//
// Layout
//   table_    [up, taps]  row p = the prototype's taps p, p + up, p + 2 up ..., reversed: oldest input first
//   history_  [taps - 1 + max_block]  the last taps - 1 inputs, then the block
// Output k lies at input time k * down / up and needs inputs up to floor(k * down / up): none waits for a later block.
// Each output is one dot product in one fixed order, so it does not depend on how the input was cut into blocks.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace livewave {

class Polyphase {
public:
    static constexpr std::size_t kLanes = 8;  // taps is a multiple of this; the compiler turns a lane row into vectors

    Polyphase(const float* table, std::size_t up, std::size_t taps, std::size_t down, std::size_t max_block)
        : up_(up), taps_(taps), down_(down), max_block_(max_block), table_(table, table + up * taps),
          history_(taps - 1 + max_block, 0.0f) {}

    // Frames that the next process() of `samples` will make.
    std::size_t frames_for(std::size_t samples) const {
        const std::size_t end = samples * up_;
        return end > position_ ? (end - position_ + down_ - 1) / down_ : 0;
    }

    std::size_t process(const float* in, std::size_t samples, float* out) {
        std::copy_n(in, samples, history_.begin() + static_cast<std::ptrdiff_t>(taps_ - 1));
        const std::size_t end = samples * up_;
        float* const first = out;
        for (; position_ < end; position_ += down_)
            *out++ = dot(&history_[position_ / up_], &table_[(position_ % up_) * taps_]);
        position_ -= end;
        std::copy_n(history_.begin() + static_cast<std::ptrdiff_t>(samples), taps_ - 1, history_.begin());
        return static_cast<std::size_t>(out - first);
    }

    void reset() {
        position_ = 0;
        std::fill(history_.begin(), history_.end(), 0.0f);
    }

    std::size_t max_block() const { return max_block_; }

private:
    float dot(const float* samples, const float* taps) const {
        float lanes[kLanes] = {};
        for (std::size_t i = 0; i < taps_; i += kLanes)
            for (std::size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += samples[i + lane] * taps[i + lane];
        return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
    }

    const std::size_t up_, taps_, down_, max_block_;
    std::size_t position_ = 0;  // of the next output, in up-sampled units from the start of the next block
    std::vector<float> table_, history_;
};

}  // namespace livewave
