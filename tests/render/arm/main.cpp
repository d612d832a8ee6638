// Feeds the same nets in every precision, and writes logits and layer inputs as raw floats. Built for arm64 and for this
// machine by tests/render/test_arm.py, which compares what they write. Its nets come from an integer generator, so that
// both get the same.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "net.h"

using namespace livewave;

namespace livewave {
namespace LIVEWAVE_ISA {
Net* make(const Description&);
}
Net::~Net() = default;
void* allocate(size_t bytes) {
    void* memory = nullptr;
    if (posix_memalign(&memory, 64, bytes)) abort();
    return memset(memory, 0, bytes);
}
void release(void* memory) { free(memory); }
}  // namespace livewave

static uint32_t state = 1;

static float any() {  // in -1..1
    state = state * 1664525u + 1013904223u;
    return float(state >> 8) / 8388608.0f - 1.0f;
}

static const float* weights(size_t count, float scale) {
    float* made = new float[count];
    for (size_t i = 0; i < count; ++i) made[i] = scale * any();
    return made;
}

static void feed(int residual, Precision precision) {
    const int R = residual, S = R + 9, A = 40, C = 7, T = 20, L = 8, columns = 4, held = 16;
    const float scale = 1.7f / std::sqrt(float(R));
    std::vector<int32_t> dilations;
    for (int k = 0; k < L; ++k) dilations.push_back(1 << k % 5);
    std::vector<uint32_t> phase_steps;
    for (int p = 0; p < PITCHES; ++p) phase_steps.push_back(70'000'000u + uint32_t(p) * 1'000'003u);
    std::vector<float> thresholds;
    for (int i = 0; i < CLASSES; ++i) thresholds.push_back(float(i) / 128.0f - 1.0f);

    Description d{};
    d.roll_kernel = 2, d.cond = C, d.residual = R, d.skip = S, d.hidden = A, d.layers = L;
    d.class_kernel = 1, d.input_kernel = T, d.outputs = CLASSES, d.precision = precision, d.silence_class = 128;
    d.dilations = dilations.data(), d.phase_steps = phase_steps.data();
    d.mulaw = weights(CLASSES, 1.0f), d.mulaw_thresholds = thresholds.data();
    d.input_classes = weights(size_t(CLASSES) * R, 1.0f), d.input_waveform = weights(T * R, 0.3f);
    d.input_bias = weights(R, 0.1f), d.hint = weights(4 * R, 0.3f);
    d.condition_kernel = weights(2 * PITCHES * C, 0.1f), d.condition_bias = weights(C, 0.1f);
    d.past = weights(L * R * 2 * R, scale), d.current = weights(L * R * 2 * R, scale);
    d.condition = weights(L * C * 2 * R, 0.1f), d.gate_bias = weights(L * 2 * R, 0.1f);
    d.residual_weights = weights(L * R * R, scale), d.residual_bias = weights(L * R, 0.1f);
    d.skip_weights = weights(L * R * S, scale), d.skip_bias = weights(S, 0.1f);
    d.hidden_weights = weights(S * A, 0.3f), d.hidden_bias = weights(A, 0.1f);
    d.logits_weights = weights(A * CLASSES, 0.3f), d.logits_bias = weights(CLASSES, 0.1f);
    Net* net = LIVEWAVE_ISA::make(d);

    std::vector<uint8_t> roll(columns * PITCHES);
    roll[60] = roll[64] = roll[PITCHES + 61] = 100;
    std::vector<uint32_t> steps(columns * PITCHES);
    for (size_t i = 0; i < steps.size(); ++i)
        steps[i] = phase_steps[i % PITCHES] + uint32_t(i / PITCHES % 3) * 2'000'001u;
    std::vector<float> heard(columns * held), logits(heard.size() * CLASSES), inputs(L * R);
    for (float& sample : heard) sample = 0.9f * any();
    net->feed(roll.data(), steps.data(), columns, held, heard.data(), logits.data());
    net->layer_inputs(inputs.data());
    std::fwrite(logits.data(), sizeof(float), logits.size(), stdout);
    std::fwrite(inputs.data(), sizeof(float), inputs.size(), stdout);
}

int main(int, char** arguments) {
    for (int residual : {5, 32, 48, 64}) feed(residual, Precision(atoi(arguments[1])));
}
