// What the binding and the kernels share.
//
// Invariant: nothing here, and nothing that net.cpp includes, defines an inline function or a template with external
// linkage. net.cpp is compiled once per instruction set; of an inline function the linker would keep one copy, perhaps
// the one made for the newest CPU, and call it everywhere.
#pragma once

#include <cstddef>
#include <cstdint>

namespace livewave {

constexpr int PITCHES = 128;
constexpr int CLASSES = 256;

enum class Precision { f32, bf16, int8 };

// A spec and its weights, as `livewave.render.wavenet` defines and has already checked them. Matrices are row-major
// [inputs, outputs]; a pointer is null where the spec has no such weight. Borrowed for the constructor only.
struct Description {
    int roll_kernel, cond, residual, skip, hidden, layers;  // K, C, R, S, A, L
    int class_kernel, input_kernel, outputs, mixtures;      // mixtures is 0 with mu-law output
    bool velocity;
    Precision precision;              // of the matrices
    const int32_t* dilations;         // [L]
    const uint32_t* phase_steps;      // [128]
    const float* mulaw;               // [256] class -> sample
    const float* mulaw_thresholds;    // [256] the least sample of each class; [0] is never read
    float silence;                    // the waveform before the first sample
    int silence_class;
    const float *input_classes, *input_waveform, *input_bias, *hint;
    const float *condition_kernel, *condition_bias;
    const float *past, *current, *condition, *gate_bias;
    const float *residual_weights, *residual_bias, *skip_weights, *skip_bias;
    const float *hidden_weights, *hidden_bias, *logits_weights, *logits_bias;
};

// One net and its state. One thread at a time. Only the constructor allocates, and the first `remember`.
class Net {
public:
    virtual ~Net();
    virtual void reset() = 0;
    virtual void remember() = 0;  // keeps a copy of the state; the first time allocates it
    virtual void recall() = 0;    // back to that copy, or as `reset` where there is none
    // roll [columns][128]; steps [columns][128] of the hint's phases, or null: unbent; uniforms, out [columns * held]
    virtual void render(const uint8_t* roll, const uint32_t* steps, int64_t columns, int64_t held,
                        const float* uniforms, float* out, float temperature) = 0;
    // samples [columns * held]; logits [columns * held][outputs], or null
    virtual void feed(const uint8_t* roll, const uint32_t* steps, int64_t columns, int64_t held, const float* samples,
                      float* logits) = 0;
    virtual void layer_inputs(float* out) const = 0;  // [L][R]: what entered each layer at the newest sample
    virtual size_t weight_bytes() const = 0;          // of the matrices that one sample reads
};

struct Isa {
    const char* name;
    bool (*runs_here)();
    Net* (*make)(const Description&);
    uint32_t (*sweep)(const void* memory, size_t bytes);
};

extern const Isa ISAS[];  // slowest first
extern const int ISA_COUNT;

void* allocate(size_t bytes);  // zeroed, on huge pages where the system has them; throws std::bad_alloc
void release(void* memory);

}  // namespace livewave
