// Plays every kernel that runs here under the sanitizers. Built and run by tests/render/test_sanitized.py.
//
//   kernels                plays awkward nets in every precision, in random splits, with hostile numbers
//   kernels roll           the same, but a roll is one column short, which the kernel must be caught reading beyond
//   kernels logits         the same with room for too few logits, which it must be caught writing beyond
//   kernels overflow       adds one to the largest int
//
// Every array is an allocation of its own and exactly as long as `net.h` says, so that one element too far is seen.
#include <climits>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <vector>

#include "net.h"

using namespace livewave;

static std::mt19937 dice(1);

static int any(int from, int to) { return std::uniform_int_distribution<int>(from, to)(dice); }

template <class T, size_t N>
static T any_of(const T (&choices)[N]) {
    return choices[any(0, int(N) - 1)];
}

static const float INF = std::numeric_limits<float>::infinity(), NOT = std::nanf("");
static const float TEMPERATURES[] = {1.0f, 0.8f, 0.0f, 1e-30f, -1.0f, INF, NOT};
static const float UNIFORMS[] = {0.0f, 0.5f, 0.99999994f, 1.0f, -1.0f, 2.0f, INF, -INF, NOT};
static const float HEARD[] = {0.0f, -1.0f, 1.0f, 1e-40f, 3.0f, -3.0f, 1e30f, INF, -INF, NOT};

struct Spec {
    const char* name;
    int residual, skip, hidden, cond, roll_kernel, class_kernel, input_kernel, mixtures;
    bool velocity, hint;
    std::vector<int32_t> dilations;
};

static const Spec SPECS[] = {
    {"even widths", 16, 32, 16, 4, 2, 1, 8, 0, false, true, {1, 2, 4, 64}},
    {"odd widths", 5, 7, 9, 3, 3, 2, 0, 0, false, true, {1, 3, 5}},
    {"one channel, one layer", 1, 1, 1, 1, 1, 0, 1, 0, false, false, {1}},
    {"unconditioned", 17, 33, 15, 0, 2, 1, 37, 0, false, false, {7, 1, 100}},
    {"logistic", 24, 12, 40, 5, 2, 0, 32, 3, false, true, {1, 2, 4, 8}},
    {"one logistic", 8, 8, 8, 2, 4, 0, 3, 1, true, false, {2, 1}},
    {"velocity", 33, 66, 31, 16, 16, 16, 5, 0, true, true, {1, 17}},
    {"wide", 72, 136, 200, 18, 2, 1, 0, 0, false, false, {1, 16, 30}},
};

// The least and the greatest weights are legal: what they lead to is not finite.
static const float SCALES[] = {0.3f, 0.0f, 1e30f, 1e-38f};

struct Weights {
    std::vector<std::unique_ptr<float[]>> kept;
    float scale;

    const float* make(size_t count) {
        kept.emplace_back(new float[count]);
        for (size_t i = 0; i < count; ++i) kept.back()[i] = scale * float(any(-1000, 1000)) / 1000.0f;
        return kept.back().get();
    }
};

struct Tables {
    std::vector<float> mulaw, thresholds;
    std::vector<uint32_t> phase_steps;
};

static Tables tables() {
    Tables t;
    for (int i = 0; i < CLASSES; ++i) {
        t.mulaw.push_back((float(i) - 127.5f) / 127.5f);
        t.thresholds.push_back((float(i) - 128.0f) / 127.5f);
    }
    for (int p = 0; p < PITCHES; ++p) t.phase_steps.push_back(uint32_t(any(0, INT_MAX)) * 2u);
    return t;
}

static Description describe(const Spec& s, const Tables& t, Weights& w, Precision precision) {
    const size_t R = s.residual, S = s.skip, A = s.hidden, C = s.cond, L = s.dilations.size();
    Description d{};
    d.roll_kernel = s.roll_kernel, d.cond = s.cond, d.residual = s.residual, d.skip = s.skip, d.hidden = s.hidden;
    d.layers = int(L), d.class_kernel = s.class_kernel, d.input_kernel = s.input_kernel, d.mixtures = s.mixtures;
    d.outputs = s.mixtures ? 3 * s.mixtures : CLASSES;
    d.velocity = s.velocity, d.precision = precision;
    d.dilations = s.dilations.data(), d.phase_steps = t.phase_steps.data();
    d.mulaw = t.mulaw.data(), d.mulaw_thresholds = t.thresholds.data();
    d.silence = s.mixtures ? 0.0f : t.mulaw[128], d.silence_class = 128;
    if (s.class_kernel) d.input_classes = w.make(s.class_kernel * CLASSES * R);
    if (s.input_kernel) d.input_waveform = w.make(s.input_kernel * R);
    if (s.hint) d.hint = w.make(4 * R);
    if (C) {
        d.condition_kernel = w.make(s.roll_kernel * PITCHES * C), d.condition_bias = w.make(C);
        d.condition = w.make(L * C * 2 * R);
    }
    if (L > 1) d.residual_weights = w.make((L - 1) * R * R), d.residual_bias = w.make((L - 1) * R);
    d.input_bias = w.make(R), d.past = w.make(L * R * 2 * R), d.current = w.make(L * R * 2 * R);
    d.gate_bias = w.make(L * 2 * R), d.skip_weights = w.make(L * R * S), d.skip_bias = w.make(S);
    d.hidden_weights = w.make(S * A), d.hidden_bias = w.make(A);
    d.logits_weights = w.make(A * d.outputs), d.logits_bias = w.make(d.outputs);
    return d;
}

static std::unique_ptr<uint8_t[]> any_roll(int columns) {
    std::unique_ptr<uint8_t[]> roll(new uint8_t[size_t(columns) * PITCHES]);
    const int one_in = any_of({1, 3, 40, 1000});
    for (int i = 0; i < columns * PITCHES; ++i) roll[i] = any(1, one_in) == 1 ? uint8_t(any(0, 255)) : 0;
    return roll;
}

template <size_t N>
static std::unique_ptr<float[]> any_floats(int count, const float (&hostile)[N]) {
    std::unique_ptr<float[]> numbers(new float[count]);
    for (int i = 0; i < count; ++i) numbers[i] = any(0, 9) ? float(any(0, 999)) / 1000.0f : any_of(hostile);
    return numbers;
}

// Null as often as not: nothing is bent.
static std::unique_ptr<uint32_t[]> any_steps(int columns) {
    if (any(0, 1)) return nullptr;
    std::unique_ptr<uint32_t[]> steps(new uint32_t[size_t(columns) * PITCHES]);
    for (int i = 0; i < columns * PITCHES; ++i) steps[i] = uint32_t(any(0, 1 << 30)) * uint32_t(any(1, 4));
    return steps;
}

enum class Fault { none, roll, logits, overflow };

static void play(Net& net, const Description& d, Fault fault) {
    const int columns = any(1, 9), held = any(0, 17), samples = columns * held;
    const int short_by = fault == Fault::roll && columns > 1 && held;
    std::unique_ptr<uint8_t[]> roll = any_roll(columns - short_by);
    std::unique_ptr<uint32_t[]> steps = any_steps(columns);
    if (any(0, 1)) {
        std::unique_ptr<float[]> uniforms = any_floats(samples, UNIFORMS), out(new float[samples]);
        net.render(roll.get(), steps.get(), columns, held, uniforms.get(), out.get(), any_of(TEMPERATURES));
        return;
    }
    std::unique_ptr<float[]> heard = any_floats(samples, HEARD), logits;
    if (any(0, 1)) logits.reset(new float[size_t(samples) * d.outputs - (fault == Fault::logits && held)]);
    net.feed(roll.get(), steps.get(), columns, held, heard.get(), logits.get());
}

static void play_net(const Isa& isa, const Spec& spec, Precision precision, float scale, Fault fault) {
    const Tables t = tables();
    Weights weights{{}, scale};
    std::unique_ptr<Net> net;
    const Description d = describe(spec, t, weights, precision);
    net.reset(isa.make(d));
    weights.kept.clear();  // borrowed for the constructor only
    std::unique_ptr<float[]> inputs(new float[size_t(d.layers) * d.residual]);
    for (int block = 0; block < 12; ++block) {
        play(*net, d, fault);
        if (!any(0, 5)) net->reset();
        net->layer_inputs(inputs.get());
    }
    std::unique_ptr<char[]> read(new char[net->weight_bytes()]());
    isa.sweep(read.get(), net->weight_bytes());
}

static Fault fault_of(const char* argument) {
    if (!strcmp(argument, "roll")) return Fault::roll;
    if (!strcmp(argument, "logits")) return Fault::logits;
    return Fault::overflow;
}

int main(int count, char** arguments) {
    const Fault fault = count > 1 ? fault_of(arguments[1]) : Fault::none;
    int largest = INT_MAX - any(0, 0);
    if (fault == Fault::overflow) ++largest;
    for (int i = 0; i < ISA_COUNT; ++i) {
        if (!ISAS[i].runs_here()) continue;
        for (const Spec& spec : SPECS)
            for (Precision precision : {Precision::f32, Precision::bf16, Precision::int8})
                for (float scale : SCALES) play_net(ISAS[i], spec, precision, scale, fault);
        std::printf("%s\n", ISAS[i].name);
    }
    return largest != INT_MAX;
}
