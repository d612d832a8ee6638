// The net, sample by sample: equations and names are those of livewave/render/wavenet.py. README.md has the layout.
// Longer than most files, because a net is read in one piece: what a sample reads, in `build`; how, from `step` on.
#include "net.h"

#include <math.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace livewave {
namespace LIVEWAVE_ISA {
namespace {

#include "vec.h"

#include "matrix.h"
#include "levels.h"
#include "draw.h"

// While one lives, results too small for a normal float become 0: a decaying state must not slow the CPU down.
class FlushTiny {
public:
#if defined(__x86_64__)
    FlushTiny() : before(_mm_getcsr()) { _mm_setcsr(before | 0x8040); }  // FTZ and DAZ
    ~FlushTiny() { _mm_setcsr(before); }
    unsigned before;
#elif defined(__aarch64__)
    FlushTiny() {
        asm volatile("mrs %0, fpcr" : "=r"(before));
        asm volatile("msr fpcr, %0" : : "r"(before | (1ull << 24)));
    }
    ~FlushTiny() { asm volatile("msr fpcr, %0" : : "r"(before)); }
    uint64_t before;
#endif
};

struct Queue {
    char* rows;  // [dilation] rows of R, each in the form that the precision keeps
    int dilation, position;
};

struct Layer {
    float* bias;  // [2R] of the gate
    float* base;   // [2R] bias + V . y, as long as the roll stays
    float* gates;  // [2R] what the gate is about to see
    float* residual_bias;
    Queue queue;
};

// Widths with a p are padded to whole vectors. Padding of weights is 0, so padding of activations stays 0.
//
// P, a precision (Floats in matrix.h, Int8 in levels.h), offers: Matrix, pack and multiply; Row, the form in which a
// matrix takes its inputs, with kept (made in a place of its own), passed (good until the vector changes) and passed_unit
// (the same for a vector inside -1..1); and Fine, the precision of weights that are not worth making smaller.
template <class P>
class WaveNet final : public Net {
    typedef typename P::Matrix Matrix;
    typedef typename P::Fine Fine;
    typedef typename Fine::Matrix FineMatrix;

public:
    explicit WaveNet(const Description& description) : d(description), hinted(description.hint) {
        Arena counting{nullptr};
        build(counting);
        memory = static_cast<char*>(allocate(counting.used));
        Arena arena{memory};
        build(arena);
        reset();
    }

    ~WaveNet() override { release(memory), release(remembered); }

    void reset() override {
        for (int k = 0; k < d.layers; ++k) {
            Queue& queue = layers[k].queue;
            memset(queue.rows, 0, row_bytes * queue.dilation);
            queue.position = 0;
        }
        for (int i = 0; i < 2 * Tp; ++i) waveform[i] = d.silence;
        for (int& heard : classes) heard = d.silence_class;
        newest = 0;
        sample = 0;
        unsettled = 0;
        bent = false;
        memcpy(steps, plain_steps, sizeof(uint32_t) * PITCHES);
        memset(origins, 0, sizeof(uint32_t) * PITCHES);
        memset(held_column, 0, PITCHES);
        memset(rolls, 0, size_t(PITCHES) * d.roll_kernel);
        list_sounding();
        project_condition();
    }

    void remember() override {
        if (!remembered) {
            size_t bytes = 0;
            each_state([&](void*, size_t size) { bytes += size; });
            remembered = static_cast<char*>(allocate(bytes));
        }
        char* to = remembered;
        each_state([&](void* from, size_t size) { memcpy(to, from, size), to += size; });
    }

    void recall() override {
        if (!remembered) return reset();
        const char* from = remembered;
        each_state([&](void* to, size_t size) { memcpy(to, from, size), from += size; });
    }

    void render(const uint8_t* roll, const uint32_t* bends, int64_t columns, int64_t held, const float* uniforms,
                float* out, float temperature) override {
        FlushTiny flush;
        for (int64_t column = 0; column < columns; ++column) {
            hold(roll + column * PITCHES, bends ? bends + column * PITCHES : nullptr);
            for (int64_t t = column * held; t < (column + 1) * held; ++t) {
                step(true);
                if (d.mixtures) {
                    out[t] = clipped(draw_logistic(logits, d.mixtures, uniforms[t], temperature));
                    hear(out[t]);
                } else {
                    int drawn = draw_class(logits, uniforms[t], temperature);
                    out[t] = mulaw[drawn];
                    hear_class(drawn);
                }
            }
        }
    }

    void feed(const uint8_t* roll, const uint32_t* bends, int64_t columns, int64_t held, const float* samples,
              float* logits_out) override {
        FlushTiny flush;
        for (int64_t column = 0; column < columns; ++column) {
            hold(roll + column * PITCHES, bends ? bends + column * PITCHES : nullptr);
            for (int64_t t = column * held; t < (column + 1) * held; ++t) {
                step(logits_out != nullptr);
                if (logits_out) memcpy(logits_out + t * d.outputs, logits, sizeof(float) * d.outputs);
                float heard = samples[t] == samples[t] ? samples[t] : d.silence;
                if (d.mixtures)
                    hear(heard);
                else
                    hear_class(class_of(heard));
            }
        }
    }

    size_t weight_bytes() const override { return read_bytes; }

    void layer_inputs(float* out) const override {
        float* whole = scratch;
        for (int k = 0; k < d.layers; ++k) {
            const Queue& queue = layers[k].queue;
            int newest_row = (queue.position ? queue.position : queue.dilation) - 1;
            P::read(P::row(queue.rows + row_bytes * newest_row, Rp), Rp, whole);
            memcpy(out + size_t(k) * d.residual, whole, sizeof(float) * d.residual);
        }
    }

private:
    Description d;  // its pointers are good in `build` only
    bool hinted;
    char* memory;
    char* remembered = nullptr;  // the state as `each_state` visits it
    int Rp, Sp, Ap, Cp, Tp, Op;
    size_t row_bytes;   // of a queue
    size_t read_bytes;  // matrices that one sample reads

    // Weights, in the order one sample reads them; then what is read only when the roll changes.
    FineMatrix input_waveform;
    Matrix *past, *current, *mix;  // [L] each
    Matrix hidden_matrix;
    FineMatrix logits_matrix;  // what is rounded here, no later layer smooths: in 8 bits it costs more than all others
    FineMatrix* condition;  // [L]
    float *class_rows, *input_bias, *hint_rows;  // [taps][256][R], [R], [4][R]
    float *skip_bias, *hidden_bias, *logits_bias;
    float *condition_kernel, *condition_bias;    // [K][128][C], [C]
    float *mulaw, *thresholds;                   // [256]
    uint32_t* plain_steps;                       // [128] of a pitch that is not bent

    // State.
    Layer* layers;
    float* waveform;   // [2][T]: written twice, so that the last T samples lie in one piece, newest first
    int newest;        // where in `waveform`
    int classes[16];   // newest first
    uint32_t sample;   // since reset; wraps as the phases do
    uint8_t held_column[PITCHES];  // as the net sees it: 0 or 1 with a binary roll
    uint8_t* rolls;                // [K][128], newest first
    int unsettled;                 // samples until `rolls` is all `held_column`
    bool bent;                     // whether `steps` may differ from `plain_steps`
    uint32_t *steps, *origins;     // [128] each: the phase of a pitch is origin + sample * step
    int sounding[2];               // partials below half the rate: of f0, of 2 * f0
    uint32_t* partial_steps[2];    // [128] each, 0 after the last
    uint32_t* partial_origins[2];  // [128] each
    float* partial_on[2];          // [128] each: 1, and 0 after the last

    // Activations.
    float* stream;  // [x R | skip S]: the mix adds to both
    float *z, *y, *hidden, *logits, *scratch;
    char* row_of;  // what a matrix is about to read, where P needs a form of its own for it

    float* copied(Arena& arena, const float* rows, int count, int width, int width_padded) {
        float* copy = arena.take<float>(size_t(count) * width_padded);
        if (copy && rows)
            for (int i = 0; i < count; ++i)
                memcpy(copy + size_t(i) * width_padded, rows + size_t(i) * width, sizeof(float) * width);
        return copy;
    }

    template <class T>
    static void set(T* array, int k, const T& value) {  // unless memory is only counted
        if (array) array[k] = value;
    }

    template <class Precision>
    typename Precision::Matrix packed(Arena& arena, const float* rows, int inputs, int outputs) {
        return Precision::pack(arena, padded(inputs), padded(outputs), [=](int i, int o) {
            return i < inputs && o < outputs ? rows[size_t(i) * outputs + o] : 0.0f;
        });
    }

    // inputs -> [filter | gate], both halves padded to whole vectors
    template <class Precision>
    typename Precision::Matrix packed_gate(Arena& arena, const float* rows, int inputs) {
        const size_t R = d.residual;
        return Precision::pack(arena, padded(inputs), 2 * Rp, [=](int i, int o) {
            size_t out = o % Rp;
            return i < inputs && out < R ? rows[i * 2 * R + (o < Rp ? 0 : R) + out] : 0.0f;
        });
    }

    // z -> [x | skip]; the last layer's x goes nowhere
    Matrix packed_mix(Arena& arena, int k) {
        const size_t R = d.residual, S = d.skip;
        const int x = k < d.layers - 1 ? Rp : 0;
        return P::pack(arena, Rp, x + Sp, [=](int i, int o) {
            if (size_t(i) >= R) return 0.0f;
            if (o < x) return size_t(o) < R ? d.residual_weights[(k * R + i) * R + o] : 0.0f;
            return size_t(o - x) < S ? d.skip_weights[(k * R + i) * S + (o - x)] : 0.0f;
        });
    }

    // All that one sample leaves behind for later ones: visit(memory, bytes).
    template <class Visit>
    void each_state(Visit visit) {
        for (int k = 0; k < d.layers; ++k) {
            Layer& layer = layers[k];
            visit(layer.queue.rows, row_bytes * layer.queue.dilation);
            visit(&layer.queue.position, sizeof layer.queue.position);
            visit(layer.base, sizeof(float) * 2 * Rp);
        }
        visit(waveform, sizeof(float) * 2 * Tp), visit(&newest, sizeof newest), visit(classes, sizeof classes);
        visit(&sample, sizeof sample), visit(&unsettled, sizeof unsettled), visit(&bent, sizeof bent);
        visit(held_column, sizeof held_column), visit(rolls, size_t(PITCHES) * d.roll_kernel);
        visit(steps, sizeof(uint32_t) * PITCHES), visit(origins, sizeof(uint32_t) * PITCHES);
        visit(sounding, sizeof sounding);
        for (int harmonic = 0; harmonic < 2; ++harmonic) {
            visit(partial_steps[harmonic], sizeof(uint32_t) * PITCHES);
            visit(partial_origins[harmonic], sizeof(uint32_t) * PITCHES);
            visit(partial_on[harmonic], sizeof(float) * PITCHES);
        }
    }

    void build(Arena& arena) {
        const int R = d.residual, L = d.layers;
        Rp = padded(R), Sp = padded(d.skip), Ap = padded(d.hidden), Cp = padded(d.cond);
        Tp = padded(d.input_kernel), Op = padded(d.outputs);
        row_bytes = P::row_bytes(Rp);
        const bool filling = arena.memory;

        past = arena.take<Matrix>(L), current = arena.take<Matrix>(L), mix = arena.take<Matrix>(L);
        condition = arena.take<FineMatrix>(L);
        layers = arena.take<Layer>(L);
        const size_t first = arena.used;
        if (d.input_kernel) input_waveform = packed<Fine>(arena, d.input_waveform, d.input_kernel, R);
        for (int k = 0; k <= L; ++k) {  // in the order of `step`
            const size_t layer = size_t(R) * 2 * R;
            if (k < L) set(past, k, packed_gate<P>(arena, d.past + k * layer, R));
            if (k > 0) set(mix, k - 1, packed_mix(arena, k - 1));
            if (k < L) set(current, k, packed_gate<P>(arena, d.current + k * layer, R));
        }
        hidden_matrix = packed<P>(arena, d.hidden_weights, d.skip, d.hidden);
        logits_matrix = packed<Fine>(arena, d.logits_weights, d.hidden, d.outputs);
        read_bytes = arena.used - first;

        input_bias = copied(arena, d.input_bias, 1, R, Rp);
        hint_rows = copied(arena, d.hint, 4, R, Rp);
        skip_bias = copied(arena, d.skip_bias, 1, d.skip, Sp);
        hidden_bias = copied(arena, d.hidden_bias, 1, d.hidden, Ap);
        logits_bias = copied(arena, d.logits_bias, 1, d.outputs, Op);
        stream = arena.take<float>(Rp + Sp);
        z = arena.take<float>(Rp);
        hidden = arena.take<float>(Ap);
        logits = arena.take<float>(Op);
        scratch = arena.take<float>(Rp);
        row_of = arena.take<char>(P::row_bytes(Rp > Sp ? Rp : Sp));
        waveform = arena.take<float>(2 * Tp);
        for (int k = 0; k < L; ++k) {
            float *base = arena.take<float>(2 * Rp), *gates = arena.take<float>(2 * Rp);
            float* residual_bias = copied(arena, k < L - 1 ? d.residual_bias + size_t(k) * R : nullptr, 1, R, Rp);
            if (filling) layers[k].base = base, layers[k].gates = gates, layers[k].residual_bias = residual_bias;
        }
        class_rows = copied(arena, d.input_classes, d.class_kernel * CLASSES, R, Rp);
        mulaw = copied(arena, d.mulaw, 1, CLASSES, CLASSES);
        thresholds = copied(arena, d.mulaw_thresholds, 1, CLASSES, CLASSES);
        for (int k = 0; k < L; ++k) {
            char* rows = arena.take<char>(row_bytes * d.dilations[k]);
            if (filling) layers[k].queue = {rows, d.dilations[k], 0};
        }

        for (int k = 0; k < L; ++k) {
            float* bias = arena.take<float>(2 * Rp);
            if (!filling) continue;
            for (int half = 0; half < 2; ++half)
                memcpy(bias + half * Rp, d.gate_bias + size_t(2 * k + half) * R, sizeof(float) * R);
            layers[k].bias = bias;
        }
        if (d.cond)
            for (int k = 0; k < L; ++k) {
                FineMatrix v = packed_gate<Fine>(arena, d.condition + size_t(k) * d.cond * 2 * R, d.cond);
                if (filling) condition[k] = v;
            }
        condition_kernel = copied(arena, d.condition_kernel, d.cond ? d.roll_kernel * PITCHES : 0, d.cond, Cp);
        condition_bias = copied(arena, d.condition_bias, 1, d.cond, Cp);
        y = arena.take<float>(Cp);
        rolls = arena.take<uint8_t>(size_t(PITCHES) * d.roll_kernel);
        plain_steps = arena.take<uint32_t>(PITCHES);
        if (filling) memcpy(plain_steps, d.phase_steps, sizeof(uint32_t) * PITCHES);
        steps = arena.take<uint32_t>(PITCHES);
        origins = arena.take<uint32_t>(PITCHES);
        for (int harmonic = 0; harmonic < 2; ++harmonic) {
            partial_steps[harmonic] = arena.take<uint32_t>(PITCHES);
            partial_origins[harmonic] = arena.take<uint32_t>(PITCHES);
            partial_on[harmonic] = arena.take<float>(PITCHES);
        }
    }

    // Takes over the column that is held from the next sample on, and the steps of its phases (null: unbent).
    void hold(const uint8_t* column, const uint32_t* bends) {
        if (!d.cond) return;
        const bool turned = hinted && (bends || bent) && bend(bends);
        uint8_t seen[PITCHES];
        for (int p = 0; p < PITCHES; ++p) seen[p] = d.velocity ? column[p] : column[p] > 0;
        const bool changed = memcmp(seen, held_column, PITCHES);
        if (changed) memcpy(held_column, seen, PITCHES), unsettled = d.roll_kernel;
        if (changed || turned) list_sounding();
    }

    // Whether a step is another one now. Its phase goes on from where it is: origins take up the difference.
    bool bend(const uint32_t* bends) {
        const uint32_t* wanted = bends ? bends : plain_steps;
        bent = bends;
        if (!memcmp(wanted, steps, sizeof(uint32_t) * PITCHES)) return false;
        for (int p = 0; p < PITCHES; ++p) origins[p] += sample * (steps[p] - wanted[p]), steps[p] = wanted[p];
        return true;
    }

    // The partials that the hint sums, so that a sample only looks at pitches that sound.
    void list_sounding() {
        for (int harmonic = 0; harmonic < 2; ++harmonic) {
            uint32_t *turns = partial_steps[harmonic], *from = partial_origins[harmonic];
            float* on = partial_on[harmonic];
            memset(turns, 0, sizeof(uint32_t) * PITCHES);
            memset(on, 0, sizeof(float) * PITCHES);
            int n = 0;
            for (int p = 0; p < PITCHES; ++p)
                if (held_column[p] && uint64_t(harmonic + 1) * steps[p] < uint64_t(1) << 31) {
                    turns[n] = (harmonic + 1) * steps[p], from[n] = (harmonic + 1) * origins[p];
                    on[n++] = 1.0f;
                }
            sounding[harmonic] = n;
        }
    }

    // y and every layer's bias + V . y, from the last K columns.
    void project_condition() {
        if (!d.cond) {
            for (int k = 0; k < d.layers; ++k) memcpy(layers[k].base, layers[k].bias, sizeof(float) * 2 * Rp);
            return;
        }
        memcpy(y, condition_bias, sizeof(float) * Cp);
        for (int tap = 0; tap < d.roll_kernel; ++tap)
            for (int p = 0; p < PITCHES; ++p) {
                uint8_t value = rolls[tap * PITCHES + p];
                const float* row = condition_kernel + size_t(tap * PITCHES + p) * Cp;
                if (value) add_row(y, row, Cp, d.velocity ? value / 127.0f : 1.0f);
            }
        for (int k = 0; k < d.layers; ++k) Fine::multiply(condition[k], y, layers[k].bias, layers[k].base);
    }

    static void add_row(float* to, const float* row, int width, float factor) {
        for (int i = 0; i < width; i += LANES) store(to + i, load(to + i) + factor * load(row + i));
    }

    void add_hint(float* x) {
        for (int harmonic = 0; harmonic < 2; ++harmonic) {
            Vec cosines{}, sines{};
            for (int i = 0; i < sounding[harmonic]; i += LANES) {
                Words phase = sample * *reinterpret_cast<const Words*>(partial_steps[harmonic] + i);
                phase += *reinterpret_cast<const Words*>(partial_origins[harmonic] + i);
                Vec on = load(partial_on[harmonic] + i);
                cosines += on * sine(phase + (1u << 30));
                sines += on * sine(phase);
            }
            add_row(x, hint_rows + (2 * harmonic) * Rp, Rp, sum(cosines));
            add_row(x, hint_rows + (2 * harmonic + 1) * Rp, Rp, sum(sines));
        }
    }

    void input_layer(float* x) {
        memcpy(x, input_bias, sizeof(float) * Rp);
        for (int tap = 0; tap < d.class_kernel; ++tap)
            add_row(x, class_rows + size_t(tap * CLASSES + classes[tap]) * Rp, Rp, 1.0f);
        if (d.input_kernel) Fine::multiply(input_waveform, waveform + newest, x, x);
        if (hinted && sounding[0]) add_hint(x);
    }

    char* oldest_row(int k) { return layers[k].queue.rows + row_bytes * layers[k].queue.position; }

    void multiply_past(int k) {
        P::multiply(past[k], P::row(oldest_row(k), Rp), layers[k].base, layers[k].gates);
    }

    // Queues are larger than the nearest cache and read one row each per sample: ask for rows before they are needed.
    void prefetch_queue(int k) {
        if (k >= d.layers) return;
        const char* row = oldest_row(k);
        for (size_t i = 0; i < row_bytes; i += 64) __builtin_prefetch(row + i, 1);
    }

    void step(bool with_logits) {
        float *x = stream, *skip = x + Rp;
        if (unsettled) {
            memmove(rolls + PITCHES, rolls, size_t(PITCHES) * (d.roll_kernel - 1));
            memcpy(rolls, held_column, PITCHES);
            project_condition();
            --unsettled;
        }
        prefetch_queue(0), prefetch_queue(1);
        input_layer(x);
        multiply_past(0);
        memcpy(skip, skip_bias, sizeof(float) * Sp);
        for (int k = 0; k < d.layers; ++k) {
            Layer& layer = layers[k];
            const bool last = k == d.layers - 1;
            float *gates = layer.gates, *to = last ? skip : x;
            prefetch_queue(k + 2);
            P::multiply(current[k], P::kept(x, Rp, oldest_row(k)), gates, gates);
            if (++layer.queue.position == layer.queue.dilation) layer.queue.position = 0;
            // What does not wait for the gate stands here, to fill the time in which it waits for its sums.
            if (!last) {
                multiply_past(k + 1);
                for (int i = 0; i < Rp; i += LANES) store(x + i, load(x + i) + load(layer.residual_bias + i));
            }
            for (int i = 0; i < Rp; i += LANES) store(z + i, gated(load(gates + i), load(gates + Rp + i)));
            P::multiply(mix[k], P::passed_unit(z, Rp, row_of), to, to);
        }
        if (with_logits) output_stage(skip);
        ++sample;
    }

    void output_stage(float* skip) {
        for (int i = 0; i < Sp; i += LANES) store(skip + i, rectified(load(skip + i)));
        P::multiply(hidden_matrix, P::passed(skip, Sp, row_of), hidden_bias, hidden);
        for (int i = 0; i < Ap; i += LANES) store(hidden + i, rectified(load(hidden + i)));
        Fine::multiply(logits_matrix, hidden, logits_bias, logits);
    }

    static float clipped(float x) { return x > -1.0f ? (x < 1.0f ? x : 1.0f) : -1.0f; }

    int class_of(float x) const {
        int found = 0;
        for (int stride = CLASSES / 2; stride; stride /= 2)
            if (x >= thresholds[found + stride]) found += stride;
        return found;
    }

    void hear_class(int heard) {
        memmove(classes + 1, classes, sizeof(classes) - sizeof(int));
        classes[0] = heard;
        hear(mulaw[heard]);
    }

    void hear(float heard) {
        if (!Tp) return;
        newest = newest ? newest - 1 : Tp - 1;
        waveform[newest] = waveform[newest + Tp] = heard;
    }
};

}  // namespace

Net* make(const Description& d) {
    switch (d.precision) {
        case Precision::int8: return new WaveNet<Int8>(d);
        case Precision::bf16: return new WaveNet<Floats<Bf16>>(d);
        default: return new WaveNet<Floats<F32>>(d);
    }
}

// Reads every byte once, as fast as a core of this instruction set can.
uint32_t sweep(const void* memory, size_t bytes) {
    const Words* words = static_cast<const Words*>(memory);
    Words sums[8]{};
    for (size_t i = 0; i + 8 <= bytes / sizeof(Words); i += 8)
#pragma GCC unroll 8
        for (int v = 0; v < 8; ++v) sums[v] ^= words[i + v];
    Words all = sums[0] ^ sums[1] ^ sums[2] ^ sums[3] ^ sums[4] ^ sums[5] ^ sums[6] ^ sums[7];
    return all[0];
}

}  // namespace LIVEWAVE_ISA
}  // namespace livewave
