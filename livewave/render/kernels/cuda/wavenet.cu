// The net on a GPU: one launch renders a block of samples for every voice. Equations and names are those of
// livewave/render/wavenet.py; README.md has the layout of the weights and what limits the speed.
//
// A choir is 8 voices: the 8 columns of a tensor-core tile, so that one voice costs what eight cost. A choir is played
// by a chain of parts. A part is a thread block that holds the weights of consecutive stages (input, layers, hidden,
// logits) in its shared memory for the whole launch. A sample runs down the chain, and what was drawn goes back to its
// head.
//
// Invariants
//   messages    A word between parts is 64 bits: the value below, the number of its sample above, stored and loaded at
//               once. It needs no fence, and no flag. Sample t + 1 enters the chain after sample t was drawn, which
//               needs every message of t: so a slot is read before it is written again.
//   ownership   A tile belongs to warp (tile % WARPS) in every product over the same rows. Fragments that one product
//               leaves for the next in shared memory (`stream`, `base`, `ahead`, `entry`) are read by the thread that
//               wrote them, as are rows of queues within a launch: no barrier between.
//   order       Every sum has one order, whatever the blocks, the other voices and the number of parts.
//   padding     Widths are padded to 16 with zero weights: tanh(0) = 0 and relu(0) = 0, so padding stays 0.
//   numbers     f16 holds weights and what enters a product, clamped to its range; sums and `stream` are f32.
//   critical    Between the arrival of a sample and its hand-on only what depends on it is computed. Past taps, V . y,
//               hint, older taps of the input layer: `prepare`, one sample ahead. Skip sums: after the stream went on.

constexpr int WARPS = 8, THREADS = 32 * WARPS;  // warp v draws for voice v

#ifdef LIVEWAVE_EMULATED
#include "device.h"
#else
#include "device.cuh"
#endif

namespace {

constexpr int VOICES = 8, PITCHES = 128, CLASSES = 256, HINTS = 4, RECENT_CLASSES = 16;
constexpr int CHUNK = 4;            // fragments of weights that a thread holds at once
constexpr float HALF_MOST = 65504.0f;
constexpr float COLDEST = 1e-6f;    // below this the most likely class has won
constexpr float LOG2E = 1.4426950408889634f;

// Made by livewave/render/choirplan.py, which has the same fields in the same order. Widths are padded unless said
// otherwise.
struct Plan {
    int parts, mail_shared;  // mail_shared: messages lie in shared memory, otherwise in the state
    int layers, residual, skip, hidden, outputs, cond;
    int legal_outputs, legal_cond;  // not padded
    int roll_kernel, class_kernel, input_kernel, input_steps, mixtures, velocity, hint, silence_class;
    float silence;
    int parts_at, tables_at;  // bytes from the start of `net`
};

// Bytes from the start of `net`, and in the state units of 16 bytes from the start of the choir's.
struct Tables {
    int dilations, queues;                    // int [layers]; u32 [layers], in units of the state
    int heard_rows, class_rows;               // f32 [256][R] what the newest class adds to x; f32 [taps - 1][256][R]
    int condition_kernel, condition_bias;     // f32 [taps][128][legal_cond], [legal_cond]
    int condition, gate_bias;                 // fragments [layers][R / 8][C / 16]; f32 [layers][R / 8][16]
    int mulaw, thresholds, phase_steps;       // f32 [256], f32 [256], u32 [128]
    int state_units, mail_units, mail_stride_units, waveform_units, classes_units;
};

// A part: its stages, its weights, and where things lie in its shared memory (bytes).
struct Part {
    int input, first_layer, layers, hidden, logits;
    int image_at, image_bytes;  // in `net`: copied to the start of shared memory
    int layer_bytes;            // of the weights of a layer, the first one at 0
    int current, skip_weights, residual_bias, residual;  // within a layer; past at 0
    int skip_bias, input_waveform, newest_tap, input_bias, hint_rows;
    int hidden_weights, hidden_bias, logits_weights, logits_bias;
    int base, ahead, stream, entry;       // fragments of sums
    int inputs, pasts, gated, condition;  // activations, f16 [voice][pitch of rows]
    int rectified, activated, logit_rows;
    int waveform, classes, masks, hints, starts;
    int mail, mail_bytes, mail_stream, mail_skip, mail_hidden, mail_heard;  // mail_*: from the start of the mail
    int shared_bytes;  // all of it
};

// The first bytes of what a launch reads. Offsets are bytes from there.
struct Block {
    u64 sample;                        // since reset
    u64 sequence;                      // number of the first sample's messages, minus 1
    int samples, columns, given, want_logits;
    int recent_at, rolls_at;           // u8 [voices][taps][128], newest first; u8 [voices][columns][128]
    int temperatures_at, numbers_at;   // f32 [voices]; f32 [voices][samples] uniforms, or samples if given
    int bent, phases_at, steps_at;     // of a net with the hint, u32: bent ? [voices][columns][128] phases where each
                                       // column begins, and steps; else [voices][128] phases where the block begins
    int logits_at;                     // where in `out`, after f32 [voices][samples]
};

// One thread's part of 16 rows x 8 voices of sums: [0] [1] row lane / 4, voices `pair` and pair + 1; [2] [3] 8 rows
// below.
struct alignas(16) Sums {
    float v[4];
};

// A tile of a product before what it waits for is there: its first fragments of weights, where the rest lie, and what
// the sums start from.
struct Work {
    uint4 strip[CHUNK];
    const uint4* weights;
    Sums sums;
};

DEVICE int pitch_of(int width) { return width + 8; }  // of rows of halves: 8 rows x 4 words fall into 32 banks

DEVICE float clamped(float x) { return fminf(fmaxf(x, -HALF_MOST), HALF_MOST); }

DEVICE void fetch(Work& work, int first, int steps) {
    UNROLLED for (int i = 0; i < CHUNK; ++i)  // zeros: or else registers would carry the unused ones round the loops
        work.strip[i] = first + i < steps ? work.weights[32 * (first + i)] : uint4{0, 0, 0, 0};
}

// sums + (16 rows of weights) . activations; step s needs words[8 s] and words[8 s + 4]. Two chains of sums, for speed.
DEVICE Sums multiply(Work& work, int steps, const u32* words) {
    Sums odd = {};
    ROLLED for (int first = 0;;) {
        UNROLLED for (int i = 0; i < CHUNK; ++i)
            if (first + i < steps)
                mma(i & 1 ? odd.v : work.sums.v, work.strip[i], words[8 * (first + i)], words[8 * (first + i) + 4]);
        first += CHUNK;
        if (first >= steps) break;
        fetch(work, first, steps);
    }
    UNROLLED for (int i = 0; i < 4; ++i) odd.v[i] += work.sums.v[i];
    return odd;
}

DEVICE float gated(float filter, float gate) {  // tanh(filter) * sigmoid(gate); the clamp keeps infinity out of 1 - e
    float e = power_of_two(-2.0f * LOG2E * fminf(fmaxf(filter, -15.0f), 15.0f));
    return (1.0f - e) * reciprocal((1.0f + e) * (1.0f + power_of_two(-LOG2E * gate)));
}

DEVICE float unit_clipped(float x) { return x > -1.0f ? (x < 1.0f ? x : 1.0f) : -1.0f; }  // NaN gives -1

// What a thread of a part works with. `net` is only read, `state` belongs to the choir.
struct Player {
    const Plan& plan;
    const Tables& tables;  // stays in memory: seldom read
    const Part& part;
    const Part& rare;  // the same, in memory: for what no sample waits for
    const Block& block;
    const char* net;
    const char* in;
    char *shared, *state, *mail, *next_stream, *next_skip, *next_hidden, *heard_mail;
    float* out;
    int thread, warp, lane, row, pair, first_voice, held, unsettled;

    template <class T>
    DEVICE T* at(int offset) const { return reinterpret_cast<T*>(shared + offset); }
    template <class T>
    DEVICE const T* table(int offset) const { return reinterpret_cast<const T*>(net + offset); }

    DEVICE u32 sequence(int t) const { return u32(block.sequence) + t + 1; }

    // ---- messages

    DEVICE static u64 message(float value, u32 number) { return u64(number) << 32 | bits_of(value); }

    DEVICE static float receive(const u64* slot, u32 number) {
        Patience patience;
        for (;;) {
            u64 word = load_message(slot);
            if (u32(word >> 32) == number) return float_of(u32(word));
            patience.wait();
        }
    }

    DEVICE void send(char* slots, int tile, const Sums& sums, int t) const {
        u64* slot = reinterpret_cast<u64*>(slots) + tile * 128 + lane;
        UNROLLED for (int i = 0; i < 4; ++i) store_message(slot + 32 * i, message(sums.v[i], sequence(t)));
    }

    DEVICE Sums receive(const char* slots, int tile, int t) const {
        const u64* slot = reinterpret_cast<const u64*>(slots) + tile * 128 + lane;
        Patience patience;
        Sums sums;
        ROLLED for (bool all = false;;) {
            u64 words[4];
            UNROLLED for (int i = 0; i < 4; ++i) words[i] = load_message(slot + 32 * i);
            all = true;
            UNROLLED for (int i = 0; i < 4; ++i) {
                all = all && u32(words[i] >> 32) == sequence(t);
                sums.v[i] = float_of(u32(words[i]));
            }
            if (all) break;
            patience.wait();
        }
        warp_barrier();  // what comes next is done by a warp together
        return sums;
    }

    // ---- fragments

    DEVICE Sums& sums_at(int offset, int tile) const { return at<Sums>(offset)[tile * 32 + lane]; }

    DEVICE const uint4* fragments(const char* matrix, int tile, int steps) const {
        return reinterpret_cast<const uint4*>(matrix) + tile * steps * 32 + lane;
    }

    DEVICE Work work_on(const char* matrix, int tile, int steps, const Sums& sums) const {
        Work work;
        work.weights = fragments(matrix, tile, steps);
        work.sums = sums;
        fetch(work, 0, steps);
        return work;
    }

    DEVICE const u32* words_of(const u16* rows, int width) const {
        return reinterpret_cast<const u32*>(rows + row * pitch_of(width)) + lane % 4;
    }

    DEVICE Sums bias(const float* rows, int tile) const {
        float upper = rows[tile * 16 + row], lower = rows[tile * 16 + row + 8];
        return {upper, upper, lower, lower};
    }

    DEVICE void keep(u16* rows, int width, int tile, const Sums& sums) const {  // as f16, to enter the next product
        u16* first = rows + pair * pitch_of(width) + tile * 16 + row;
        u16* second = first + pitch_of(width);
        first[0] = half_bits(clamped(sums.v[0]));
        second[0] = half_bits(clamped(sums.v[1]));
        first[8] = half_bits(clamped(sums.v[2]));
        second[8] = half_bits(clamped(sums.v[3]));
    }

    DEVICE static Sums rectified(Sums sums) {
        UNROLLED for (int i = 0; i < 4; ++i) sums.v[i] = fmaxf(sums.v[i], 0.0f);
        return sums;
    }

    // ---- the roll

    // What voice v holds at sample t of the block; before the block, t < 0.
    DEVICE const u8* column(int v, int t) const {
        const int voice = first_voice + v;
        const char* first = in + (t >= 0 ? block.rolls_at : block.recent_at);
        const u64 number = t >= 0 ? u64(voice) * block.columns + t / held : u64(voice) * plan.roll_kernel - 1 - t;
        return reinterpret_cast<const u8*>(first) + number * PITCHES;
    }

    DEVICE bool column_changes(int t) const {  // for this thread's 4 pitches of one voice
        const u32* now = reinterpret_cast<const u32*>(column(warp, t));
        const u32* before = reinterpret_cast<const u32*>(column(warp, t - 1));
        return now[lane] != before[lane];
    }

    DEVICE void list_sounding(int t) const {  // masks u32 [taps][voice][4]: bit p % 32 of word p / 32
        ROLLED for (int tap = 0; tap < plan.roll_kernel; ++tap) {
            const u8* pitches = column(warp, t - tap);
            for (int i = 0; i < 4; ++i) {
                u32 sounding = lanes_where(pitches[32 * i + lane] != 0);
                if (lane == 0) at<u32>(rare.masks)[(tap * VOICES + warp) * 4 + i] = sounding;
            }
        }
    }

    DEVICE float conditioning(int v, int c, int t) const {  // y: causal convolution of the last roll_kernel columns
        float y = table<float>(tables.condition_bias)[c];
        ROLLED for (int tap = 0; tap < plan.roll_kernel; ++tap)
            for (int i = 0; i < 4; ++i) {
                u32 sounding = at<u32>(rare.masks)[(tap * VOICES + v) * 4 + i];
                ROLLED for (; sounding; sounding &= sounding - 1) {
                    int p = 32 * i + lowest_bit(sounding);
                    float weight = table<float>(tables.condition_kernel)[(tap * PITCHES + p) * plan.legal_cond + c];
                    y += plan.velocity ? weight * (column(v, t - tap)[p] / 127.0f) : weight;
                }
            }
        return y;
    }

    // base = gate_bias + V . y, whenever the last roll_kernel columns are not those of the sample before.
    DEVICE void follow_roll(int t) {
        if (!part.input && !part.layers) return;
        if (!plan.cond) {
            if (t == 0) project(0);
            return;
        }
        if (t == 0 || (t % held == 0 && barrier_or(column_changes(t)))) unsettled = plan.roll_kernel;
        if (!unsettled) return;
        --unsettled;
        list_sounding(t);
        barrier();
        u16* rows = at<u16>(rare.condition);
        ROLLED for (int i = thread; i < VOICES * plan.cond; i += THREADS) {
            int v = i / plan.cond, c = i % plan.cond;
            rows[v * pitch_of(plan.cond) + c] = half_bits(c < plan.legal_cond ? clamped(conditioning(v, c, t)) : 0.0f);
        }
        barrier();
        project(plan.cond / 16);
    }

    DEVICE void project(int steps) const {
        const int tiles = plan.residual / 8;
        ROLLED for (int k = 0; k < part.layers; ++k)
            ROLLED for (int tile = warp; tile < tiles; tile += WARPS) {
                const int which = (part.first_layer + k) * tiles + tile;
                Sums sums = bias(table<float>(tables.gate_bias), which);
                if (steps) {
                    Work work = work_on(net + tables.condition, which, steps, sums);
                    sums = multiply(work, steps, words_of(at<u16>(rare.condition), plan.cond));
                }
                sums_at(rare.base, k * tiles + tile) = sums;
            }
    }

    // ---- the input layer

    DEVICE int slot_before(u64 sample, int size) const { return int((sample + u64(size) - 1) % u64(size)); }

    DEVICE u32* class_ring(int v) const { return at<u32>(rare.classes) + v * RECENT_CLASSES; }
    DEVICE float* waveform_ring(int v) const { return at<float>(rare.waveform) + v * plan.input_kernel; }

    // hints f32 [voice][4]: cos f0, sin f0, cos 2 f0, sin 2 f0 summed over what voice `warp` sounds at sample t
    DEVICE void sum_hints(int t) const {
        const int voice = first_voice + warp;
        const u64 row = PITCHES * (block.bent ? u64(voice) * block.columns + t / held : u64(voice));
        const u32* phases = reinterpret_cast<const u32*>(in + block.phases_at) + row;
        const u32* steps = block.bent ? reinterpret_cast<const u32*>(in + block.steps_at) + row
                                      : table<u32>(tables.phase_steps);
        const u32 since = block.bent ? t % held : t;
        float sums[HINTS] = {};
        ROLLED for (int i = 0; i < 4; ++i) {
            const u32 step = steps[32 * i + lane];
            if (!(at<u32>(rare.masks)[warp * 4 + i] >> lane & 1)) continue;
            UNROLLED for (u32 harmonic = 1; harmonic <= 2; ++harmonic) {
                if (u64(harmonic) * step >= u64(1) << 31) continue;
                float sine, cosine;
                const int phase = int(harmonic * (phases[32 * i + lane] + since * step));  // 2^32 is one turn
                sine_and_cosine_of_pi_times(float(phase) * (1.0f / 2147483648.0f), sine, cosine);
                sums[2 * harmonic - 2] += cosine;
                sums[2 * harmonic - 1] += sine;
            }
        }
        for (int i = 0; i < HINTS; ++i) {
            for (int mask = 16; mask; mask /= 2) sums[i] += shuffle_xor(sums[i], mask);
            if (lane == 0) at<float>(rare.hints)[warp * HINTS + i] = sums[i];
        }
    }

    // The f16 pair of taps (tap, tap + 1) of voice `row`: nearest, or what that leaves over. The newest comes later.
    DEVICE u32 waveform_pair(int tap, int newest, bool rest) const {
        u16 halves[2];
        for (int i = 0; i < 2; ++i) {
            const int j = tap + i;
            float x = 0.0f;
            const int slot = newest >= j ? newest - j : newest - j + plan.input_kernel;
            if (j > 0 && j < plan.input_kernel) x = waveform_ring(row)[slot];
            halves[i] = half_bits(x);
            if (rest) halves[i] = half_bits(x - from_half(halves[i]));
        }
        return u32(halves[1]) << 16 | halves[0];
    }

    // entry = input_bias + older taps + hint: all of x at sample t but what was heard last
    DEVICE void prepare_input(int t) const {
        const u64 sample = block.sample + t;
        const int newest = plan.input_kernel ? slot_before(sample, plan.input_kernel) : 0;
        ROLLED for (int tile = warp; tile < plan.residual / 16; tile += WARPS) {
            Sums sums = bias(at<float>(rare.input_bias), tile);
            ROLLED for (int tap = 1; tap < plan.class_kernel; ++tap) {
                const int slot = int((sample + RECENT_CLASSES - 1 - tap) % RECENT_CLASSES);
                const float* rows = table<float>(tables.class_rows) + u64(tap - 1) * CLASSES * plan.residual;
                add_rows(sums, rows, class_ring(pair)[slot], class_ring(pair + 1)[slot], tile);
            }
            if (plan.hint)
                for (int i = 0; i < HINTS; ++i) {
                    const Sums weights = bias(at<float>(rare.hint_rows) + i * plan.residual, tile);
                    for (int j = 0; j < 4; ++j)
                        sums.v[j] += weights.v[j] * at<float>(rare.hints)[(pair + j % 2) * HINTS + i];
                }
            const uint4* weights = fragments(shared + rare.input_waveform, tile, plan.input_steps);
            ROLLED for (int step = 0; step < plan.input_steps; ++step)
                ROLLED for (int rest = 0; rest < 2; ++rest) {
                    const int tap = 16 * step + 2 * (lane % 4);
                    const u32 upper = waveform_pair(tap, newest, rest), lower = waveform_pair(tap + 8, newest, rest);
                    mma(sums.v, weights[32 * step], upper, lower);
                }
            sums_at(part.entry, tile) = sums;
        }
    }

    DEVICE void add_rows(Sums& sums, const float* rows, u32 first, u32 second, int tile) const {
        const float* upper = rows + tile * 16 + row;
        sums.v[0] += upper[first * plan.residual];
        sums.v[1] += upper[second * plan.residual];
        sums.v[2] += upper[first * plan.residual + 8];
        sums.v[3] += upper[second * plan.residual + 8];
    }

    // What voice v heard at sample t - 1: a class (its bits), or a sample with logistic output.
    DEVICE float heard(int v, int t) const {
        if (t > 0) return receive(reinterpret_cast<const u64*>(mail + part.mail_heard) + v, sequence(t - 1));
        if (plan.mixtures) return waveform_ring(v)[slot_before(block.sample, plan.input_kernel)];
        return float_of(class_ring(v)[slot_before(block.sample, RECENT_CLASSES)]);
    }

    DEVICE void remember(int v, float heard, u64 sample) const {
        if (!plan.mixtures) class_ring(v)[sample % RECENT_CLASSES] = bits_of(heard);
        if (!plan.input_kernel) return;
        const float value = plan.mixtures ? heard : table<float>(tables.mulaw)[bits_of(heard)];
        waveform_ring(v)[sample % plan.input_kernel] = value;
    }

    DEVICE void enter(int t) const {
        // before x is handed on, for the answer overwrites it; warp 0 always has a tile, so there is no answer yet
        const float mine = thread < VOICES ? heard(thread, t) : 0.0f;
        ROLLED for (int tile = warp; tile < plan.residual / 16; tile += WARPS) {
            Sums sums = sums_at(part.entry, tile);
            const float first = heard(pair, t), second = heard(pair + 1, t);
            if (plan.mixtures) {
                const Sums weights = bias(at<float>(part.newest_tap), tile);
                for (int i = 0; i < 4; ++i) sums.v[i] += weights.v[i] * (i % 2 ? second : first);
            } else {
                add_rows(sums, table<float>(tables.heard_rows), bits_of(first), bits_of(second), tile);
            }
            hand_on(sums, tile, 0, t);
        }
        if (t > 0 && thread < VOICES) remember(thread, mine, block.sample + t - 1);
    }

    // ---- the layers

    // x before layer `to` of this part, or before the next part's first
    DEVICE void hand_on(const Sums& x, int tile, int to, int t) const {
        if (to == part.layers) {
            send(next_stream, tile, x, t);
            return;
        }
        sums_at(part.stream, tile) = x;
        keep(input_of(to), plan.residual, tile, x);
    }

    DEVICE u16* input_of(int k) const { return at<u16>(part.inputs) + k * VOICES * pitch_of(plan.residual); }
    DEVICE u16* gated_of(int k) const { return at<u16>(part.gated) + k * VOICES * pitch_of(plan.residual); }
    DEVICE u16* past_of(int k) const { return at<u16>(rare.pasts) + k * VOICES * pitch_of(plan.residual); }
    DEVICE const char* weights_of(int k) const { return shared + k * part.layer_bytes; }

    DEVICE Work gate_work(int k, int tile) const {
        const int place = k * (plan.residual / 8) + tile;
        return work_on(weights_of(k) + part.current, tile, plan.residual / 16, sums_at(part.ahead, place));
    }

    DEVICE Work residual_work(int k, int tile) const {
        Sums x = sums_at(part.stream, tile);
        const Sums added = bias(reinterpret_cast<const float*>(weights_of(k) + part.residual_bias), tile);
        UNROLLED for (int i = 0; i < 4; ++i) x.v[i] += added.v[i];
        return work_on(weights_of(k) + part.residual, tile, plan.residual / 16, x);
    }

    // What does not wait for x is read before the barrier: weights, the sums of the past tap, where things lie.
    DEVICE void gate_stage(int k) const {
        const int steps = plan.residual / 16, tiles = plan.residual / 8;
        const u32* words = words_of(input_of(k), plan.residual);
        u16* z = gated_of(k) + pair * pitch_of(plan.residual) + row;
        Work work = {};
        if (warp < tiles) work = gate_work(k, warp);
        barrier();  // x is there
        ROLLED for (int tile = warp; tile < tiles;) {
            const Sums a = multiply(work, steps, words);
            z[8 * tile] = half_bits(gated(a.v[0], a.v[2]));
            z[8 * tile + pitch_of(plan.residual)] = half_bits(gated(a.v[1], a.v[3]));
            tile += WARPS;
            if (tile < tiles) work = gate_work(k, tile);
        }
    }

    DEVICE void residual_stage(int k, int t) const {
        const int tiles = plan.residual / 16;
        const u32* words = words_of(gated_of(k), plan.residual);
        Work work = {};
        if (warp < tiles) work = residual_work(k, warp);
        barrier();  // z is there
        ROLLED for (int tile = warp; tile < tiles;) {
            hand_on(multiply(work, tiles, words), tile, k + 1, t);
            tile += WARPS;
            if (tile < tiles) work = residual_work(k, tile);
        }
    }

    DEVICE void sum_skips(int t) const {
        if (part.first_layer + part.layers == plan.layers) barrier();  // the last layer's z is there
        const int steps = plan.residual / 16;
        ROLLED for (int tile = warp; tile < plan.skip / 16; tile += WARPS) {
            Sums sums = part.first_layer ? receive(mail + part.mail_skip, tile, t)
                                         : bias(at<float>(part.skip_bias), tile);
            ROLLED for (int k = 0; k < part.layers; ++k) {
                Work work = work_on(weights_of(k) + part.skip_weights, tile, steps, sums);
                sums = multiply(work, steps, words_of(gated_of(k), plan.residual));
            }
            if (part.hidden)
                keep(at<u16>(part.rectified), plan.skip, tile, rectified(sums));
            else
                send(next_skip, tile, sums, t);
        }
    }

    // ---- the output stage

    DEVICE void hidden_stage(int t) const {
        if (!part.layers)
            ROLLED for (int tile = warp; tile < plan.skip / 16; tile += WARPS)
                keep(at<u16>(part.rectified), plan.skip, tile, rectified(receive(mail + part.mail_skip, tile, t)));
        const int steps = plan.skip / 16, tiles = plan.hidden / 16;
        const u32* words = words_of(at<u16>(part.rectified), plan.skip);
        Work work = {};
        if (warp < tiles) work = hidden_work(warp);
        barrier();  // the skip sums are there
        ROLLED for (int tile = warp; tile < tiles;) {
            const Sums sums = rectified(multiply(work, steps, words));
            if (part.logits)
                keep(at<u16>(part.activated), plan.hidden, tile, sums);
            else
                send(next_hidden, tile, sums, t);
            tile += WARPS;
            if (tile < tiles) work = hidden_work(tile);
        }
    }

    DEVICE Work hidden_work(int tile) const {
        return work_on(shared + part.hidden_weights, tile, plan.skip / 16, bias(at<float>(part.hidden_bias), tile));
    }

    DEVICE Work logits_work(int tile) const {
        return work_on(shared + part.logits_weights, tile, plan.hidden / 16, bias(at<float>(part.logits_bias), tile));
    }

    DEVICE int logit_pitch() const { return plan.outputs + 4; }

    DEVICE void logits_stage(int t) const {
        if (!part.hidden)
            ROLLED for (int tile = warp; tile < plan.hidden / 16; tile += WARPS)
                keep(at<u16>(part.activated), plan.hidden, tile, receive(mail + part.mail_hidden, tile, t));
        const int steps = plan.hidden / 16, tiles = plan.outputs / 16;
        const u32* words = words_of(at<u16>(part.activated), plan.hidden);
        Work work = {};
        if (warp < tiles) work = logits_work(warp);
        barrier();  // the hidden units are there
        ROLLED for (int tile = warp; tile < tiles;) {
            const Sums sums = multiply(work, steps, words);
            float* first = at<float>(part.logit_rows) + pair * logit_pitch() + tile * 16 + row;
            float* second = first + logit_pitch();
            first[0] = sums.v[0], second[0] = sums.v[1], first[8] = sums.v[2], second[8] = sums.v[3];
            tile += WARPS;
            if (tile < tiles) work = logits_work(tile);
        }
        barrier();  // the logits are there
    }

    // Warp v: voice v. What is heard goes back to the head of the chain first of all.
    DEVICE void draw(int t) const {
        const int voice = first_voice + warp;
        const float* logits = at<float>(part.logit_rows) + warp * logit_pitch();
        const float number = reinterpret_cast<const float*>(in + block.numbers_at)[u64(voice) * block.samples + t];
        const float temperature = reinterpret_cast<const float*>(in + block.temperatures_at)[voice];
        float sample;  // or the bits of a class
        if (block.given)
            sample = given_sample(number);
        else if (plan.mixtures)
            sample = unit_clipped(draw_logistic(logits, number, temperature));
        else
            sample = float_of(u32(invert(logits, CLASSES, number, temperature).index));
        if (lane == 0) {
            store_message(reinterpret_cast<u64*>(heard_mail) + warp, message(sample, sequence(t)));
            out[u64(voice) * block.samples + t] = plan.mixtures ? sample : table<float>(tables.mulaw)[bits_of(sample)];
        }
        if (block.want_logits) {
            float* row = reinterpret_cast<float*>(reinterpret_cast<char*>(out) + block.logits_at) +
                         (u64(voice) * block.samples + t) * plan.legal_outputs;
            ROLLED for (int i = lane; i < plan.legal_outputs; i += 32) row[i] = logits[i];
        }
    }

    DEVICE float given_sample(float x) const {  // wavenet.mulaw_encode by its thresholds; NaN is silence
        if (plan.mixtures) return x == x ? clamped(x) : plan.silence;
        int reached = 0;
        ROLLED for (int i = lane; i < CLASSES; i += 32) reached += x >= table<float>(tables.thresholds)[i];
        for (int mask = 16; mask; mask /= 2) reached += shuffle_xor(reached, mask);
        return float_of(u32(x == x ? (reached ? reached - 1 : 0) : plan.silence_class));
    }

    struct Choice {
        int index;
        float odds, inside;  // how far into the odds of `index` the target lies
    };

    // The first of n classes whose cumulative odds exceed uniform * total; lane l has classes 8 l to 8 l + 7.
    DEVICE Choice invert(const float* logits, int n, float uniform, float temperature) const {
        const Choice best = most_likely(logits, n);
        if (!(temperature > COLDEST)) return best;
        const float scale = 1.0f / temperature;
        Sums mine[2] = {};
        const Sums* fours = reinterpret_cast<const Sums*>(logits) + 2 * lane;
        if (8 * lane < n) mine[0] = fours[0], mine[1] = fours[1];
        float odds[8], sum = 0.0f;
        UNROLLED for (int i = 0; i < 8; ++i) {
            odds[i] = 8 * lane + i < n ? expf((mine[i / 4].v[i % 4] - best.odds) * scale) : 0.0f;
            sum += odds[i];
        }
        float upto = sum;
        for (int distance = 1; distance < 32; distance *= 2) {
            const float before = shuffle_up(upto, distance);
            if (lane >= distance) upto += before;
        }
        float below = shuffle_up(upto, 1);
        if (lane == 0) below = 0.0f;
        const float target = uniform * shuffle_from(upto, 31);
        const u32 lanes = lanes_where(8 * lane < n && upto > target);
        const int winner = lanes ? lowest_bit(lanes) : (n - 1) / 8;
        Choice choice = {0, 0.0f, 0.0f};
        bool found = false;
        float cumulative = 0.0f;
        UNROLLED for (int i = 0; i < 8; ++i) {  // if rounding leaves none: the last one of the lane
            cumulative += odds[i];
            if (found || 8 * lane + i >= n) continue;
            choice = {8 * lane + i, odds[i], target - (below + cumulative - odds[i])};
            found = below + cumulative > target;
        }
        return {shuffle_from(choice.index, winner), shuffle_from(choice.odds, winner),
                shuffle_from(choice.inside, winner)};
    }

    // The lowest index of the highest value, and the value.
    DEVICE Choice most_likely(const float* logits, int n) const {
        int index = 0;
        float top = -3e38f;
        ROLLED for (int i = lane; i < n; i += 32)
            if (logits[i] > top) top = logits[i], index = i;
        for (int mask = 16; mask; mask /= 2) {
            const float other = shuffle_xor(top, mask);
            const int its = shuffle_xor(index, mask);
            if (other > top || (other == top && its < index)) top = other, index = its;
        }
        return {index, top, 0.0f};
    }

    DEVICE float draw_logistic(const float* logits, float uniform, float temperature) const {
        const int n = plan.mixtures;
        const Choice choice = invert(logits, n, uniform, temperature);
        const float mean = logits[n + choice.index];
        if (!(temperature > COLDEST)) return mean;
        const float rest = fminf(fmaxf(choice.inside / choice.odds, 1e-5f), 1.0f - 1e-5f);
        const float spread = expf(fmaxf(logits[2 * n + choice.index], -12.0f)) * temperature;
        return mean + spread * logf(rest / (1.0f - rest));
    }

    // ---- one sample ahead

    DEVICE uint4* queue(int k, int t) const {  // the row that sample t reads, and then overwrites
        const int dilation = table<int>(tables.dilations)[part.first_layer + k];
        const u32 slot = (at<u32>(rare.starts)[k] + u32(t)) % u32(dilation);
        const u32 unit = table<u32>(tables.queues)[part.first_layer + k];
        return reinterpret_cast<uint4*>(state) + u64(unit) + u64(slot) * pitch_of(plan.residual);
    }

    // Sample t goes into the queues, and what sample t + 1 reads comes out. A row is pitch_of(R) units of 8 halves.
    DEVICE void turn_queues(int t, bool store, bool load) const {
        const int units = pitch_of(plan.residual);
        ROLLED for (int i = thread; i < part.layers * units; i += THREADS) {
            const int k = i / units, unit = i % units;
            if (store) queue(k, t)[unit] = reinterpret_cast<const uint4*>(input_of(k))[unit];
            if (load) reinterpret_cast<uint4*>(past_of(k))[unit] = queue(k, t + 1)[unit];
        }
    }

    // Everything of sample t that does not wait for sample t - 1. Begins and ends with what needs no barrier around it.
    DEVICE void prepare(int t) {
        barrier();  // every warp is done with sample t - 1
        follow_roll(t);
        turn_queues(t - 1, t > 0, true);
        if (part.input && plan.hint) sum_hints(t);
        barrier();
        if (part.input) prepare_input(t);
        const int steps = plan.residual / 16, tiles = plan.residual / 8;
        ROLLED for (int k = 0; k < part.layers; ++k)
            ROLLED for (int tile = warp; tile < tiles; tile += WARPS) {
                Work work = work_on(weights_of(k), tile, steps, sums_at(rare.base, k * tiles + tile));
                sums_at(part.ahead, k * tiles + tile) = multiply(work, steps, words_of(past_of(k), plan.residual));
            }
    }

    // ---- a launch

    DEVICE void copy(void* to, const void* from, int bytes) const {
        const uint4* source = static_cast<const uint4*>(from);
        uint4* target = static_cast<uint4*>(to);
        int i = thread;
        for (; i + 7 * THREADS < bytes / 16; i += 8 * THREADS) {  // 8 loads under way: a launch begins with it
            uint4 eight[8];
            UNROLLED for (int j = 0; j < 8; ++j) eight[j] = source[i + j * THREADS];
            UNROLLED for (int j = 0; j < 8; ++j) target[i + j * THREADS] = eight[j];
        }
        ROLLED for (; i < bytes / 16; i += THREADS) target[i] = source[i];
    }

    template <class T>
    DEVICE void fill(T* to, T value, int count) const {
        ROLLED for (int i = thread; i < count; i += THREADS) to[i] = value;
    }

    DEVICE void begin() const {
        copy(shared, net + rare.image_at, rare.image_bytes);
        if (part.input && block.sample) {
            copy(at<char>(rare.waveform), state + 16 * u64(tables.waveform_units), 4 * VOICES * plan.input_kernel);
            copy(at<char>(rare.classes), state + 16 * u64(tables.classes_units), 4 * VOICES * RECENT_CLASSES);
        } else if (part.input) {
            fill(at<float>(rare.waveform), plan.silence, VOICES * plan.input_kernel);
            fill(at<u32>(rare.classes), u32(plan.silence_class), VOICES * RECENT_CLASSES);
        }
        ROLLED for (int k = thread; k < part.layers; k += THREADS)
            at<u32>(rare.starts)[k] = u32(block.sample % u64(table<int>(tables.dilations)[part.first_layer + k]));
    }

    DEVICE void finish() const {
        turn_queues(block.samples - 1, true, false);
        if (!part.input) return;
        if (thread < VOICES) remember(thread, heard(thread, block.samples), block.sample + block.samples - 1);
        barrier();
        copy(state + 16 * u64(tables.waveform_units), at<char>(rare.waveform), 4 * VOICES * plan.input_kernel);
        copy(state + 16 * u64(tables.classes_units), at<char>(rare.classes), 4 * VOICES * RECENT_CLASSES);
    }

    DEVICE void step(int t) const {
        if (part.input)
            enter(t);
        else if (part.layers)
            ROLLED for (int tile = warp; tile < plan.residual / 16; tile += WARPS)
                hand_on(receive(mail + part.mail_stream, tile, t), tile, 0, t);
        ROLLED for (int k = 0; k < part.layers; ++k) {
            gate_stage(k);
            if (part.first_layer + k < plan.layers - 1) residual_stage(k, t);
        }
        if (part.layers) sum_skips(t);
        if (part.hidden) hidden_stage(t);
        if (part.logits) logits_stage(t), draw(t);
    }

    DEVICE void play() {
        begin();
        ROLLED for (int t = 0; t < block.samples; ++t) {
            prepare(t);
            step(t);
        }
        finish();
    }
};

}  // namespace

// net: Plan, then all it points to. state: of every choir. in: Block, then all it points to. out: audio, then logits.
// Grid: choirs * parts blocks of THREADS, a choir's parts in turn (and in one cluster if they share memory).
KERNEL void livewave_render(const char* net, char* state, const char* in, float* out) {
    const Plan plan = *reinterpret_cast<const Plan*>(net);
    const Block block = *reinterpret_cast<const Block*>(in);
    const Part* parts = reinterpret_cast<const Part*>(net + plan.parts_at);
    const Tables& tables = *reinterpret_cast<const Tables*>(net + plan.tables_at);
    const int choir = block_index() / plan.parts, rank = block_index() % plan.parts;
    const int following = rank + 1 < plan.parts ? rank + 1 : rank;
    const Part part = parts[rank];
    const Part& next = parts[following];
    char* shared = shared_memory();
    char* own = state + 16 * (u64(choir) * tables.state_units);

    char *mail, *next_mail, *head_mail;
    if (plan.mail_shared) {
        mail = shared + part.mail;
        next_mail = plan.parts > 1 ? peer(shared + next.mail, following) : mail;
        head_mail = plan.parts > 1 ? peer(shared + parts[0].mail, 0) : mail;
        const u64 before = u64(u32(block.sequence)) << 32;  // as if the sample before the first had left it
        u64* words = reinterpret_cast<u64*>(mail);
        ROLLED for (int i = thread_index(); i < part.mail_bytes / 8; i += THREADS) words[i] = before;
        if (plan.parts > 1) cluster_barrier();
    } else {
        mail = own + 16 * (u64(tables.mail_units) + u64(rank) * tables.mail_stride_units);
        next_mail = own + 16 * (u64(tables.mail_units) + u64(following) * tables.mail_stride_units);
        head_mail = own + 16 * u64(tables.mail_units);
    }

    const int thread = thread_index(), lane = thread % 32;
    Player player = {plan, tables, part, parts[rank], block, net, in, shared, own, mail,
                     next_mail + next.mail_stream, next_mail + next.mail_skip, next_mail + next.mail_hidden,
                     head_mail + parts[0].mail_heard, out, thread,
                     thread / 32, lane, lane / 4, lane % 4 * 2, choir * VOICES, block.samples / block.columns, 0};
    player.play();
    if (plan.mail_shared && plan.parts > 1) cluster_barrier();  // nobody leaves while a message to it is under way
}
