// Int8: weights of 8 bits with a scale per output; activations as levels, whole numbers with a scale per vector.
// Included by net.cpp inside its namespace, after matrix.h.
//
// A product is scale(vector) * scale(output) * (a whole number), and whole numbers are summed without error: their order
// is nobody's concern. A *wide* level, of a vector of any size, has |level| <= 2^LOG2_WIDE, or half of it in vectors longer
// than LONG, so that sums stay inside 32 bits. A *unit* level is that of a vector inside -1..1, whose scale is a constant.

constexpr int LOG2_WIDE = 14;
constexpr int LONG = 1024;

// Each ISA has a Wide and a Unit: put and get levels at `levels` (2 bytes an input), In, what a step of the sum takes
// of them, and Sum. Where SHIFT is not negative, a sum comes out 2^SHIFT * (sum of the weights) too large.

#if defined(__AVX512VNNI__) || defined(__ARM_FEATURE_DOTPROD)
constexpr int GROUPED = 4;  // inputs that lie side by side for each output: a dot product of bytes takes four

#if defined(__AVX512VNNI__)  // whose levels have no sign
typedef uint8_t Byte;
typedef __m512i Weights;
constexpr int WIDE_SHIFT = LOG2_WIDE, UNIT_SHIFT = 7, LEAST_BYTE = 0;
inline Weights load_weights(const char* from) { return _mm512_load_si512(from); }
inline Ints dot(Ints sum, Ints levels, Weights weights) {
    return (Ints)_mm512_dpbusd_epi32((__m512i)sum, (__m512i)levels, weights);
}
#define LIVEWAVE_IN_REGISTER(weights) asm("" : "+v"(weights))  // or GCC loads them again for each use
#else
typedef int8_t Byte;
typedef int8x16_t Weights;
constexpr int WIDE_SHIFT = -1, UNIT_SHIFT = -1, LEAST_BYTE = -128;
inline Weights load_weights(const char* from) { return vld1q_s8(reinterpret_cast<const int8_t*>(from)); }
inline Ints dot(Ints sum, Ints levels, Weights weights) {
    return (Ints)vdotq_s32((int32x4_t)sum, (int8x16_t)levels, weights);
}
#define LIVEWAVE_IN_REGISTER(weights)
#endif

typedef Byte LaneBytes __attribute__((vector_size(LANES), may_alias));

inline void store_bytes(char* to, Ints v) { *reinterpret_cast<LaneBytes*>(to) = __builtin_convertvector(v, LaneBytes); }
inline Ints load_bytes(const char* from) {
    return __builtin_convertvector(*reinterpret_cast<const LaneBytes*>(from), Ints);
}
inline Ints four_bytes(const char* from) { return Ints{} + *reinterpret_cast<const Whole*>(from); }

// A level is 256 * (a high byte) + (a low byte). Each weight is read once and meets both.
struct Wide {
    static constexpr int SHIFT = WIDE_SHIFT;
    static constexpr int SURPLUS = SHIFT < 0 ? 0 : 1 << SHIFT;
    static void put(char* levels, int width, int i, Ints level) {
        Ints shifted = level + SURPLUS, high = (shifted - LEAST_BYTE) >> 8;
        store_bytes(levels + i, high);
        store_bytes(levels + width + i, shifted - (high << 8));
    }
    static Ints get(const char* levels, int width, int i) {
        return (load_bytes(levels + i) << 8) + load_bytes(levels + width + i) - SURPLUS;
    }

    struct In {
        Ints high, low;
        In(const char* levels, int width, int i) : high(four_bytes(levels + i)), low(four_bytes(levels + width + i)) {}
    };
    struct Sum {
        Ints high{}, low{};
        void add(const In& in, const char* from) {
            Weights weights = load_weights(from);
            LIVEWAVE_IN_REGISTER(weights);
            high = dot(high, in.high, weights);
            low = dot(low, in.low, weights);
        }
        Ints total() const { return (high << 8) + low; }
    };
};

// One byte a level: half the work, and enough for z (README.md has the cost).
struct Unit {
    static constexpr int SHIFT = UNIT_SHIFT;
    static constexpr float TOP = 127.0f;
    static void put(char* levels, int, int i, Ints level) {
        store_bytes(levels + i, level + (SHIFT < 0 ? 0 : 1 << SHIFT));
    }

    struct In {
        Ints bytes;
        In(const char* levels, int, int i) : bytes(four_bytes(levels + i)) {}
    };
    struct Sum {
        Ints sum{};
        void add(const In& in, const char* weights) { sum = dot(sum, in.bytes, load_weights(weights)); }
        Ints total() const { return sum; }
    };
};
#else
constexpr int GROUPED = 2;  // products of 16-bit numbers are added in pairs; weights are widened as they are read

typedef int16_t Shorts __attribute__((vector_size(4 * LANES), may_alias));
typedef int16_t LaneShorts __attribute__((vector_size(2 * LANES), may_alias));
typedef int8_t PairedBytes __attribute__((vector_size(2 * LANES), may_alias));

inline Shorts widened(const char* weights) {
#if defined(__AVX512BW__)
    return (Shorts)_mm512_cvtepi8_epi16(_mm256_load_si256(reinterpret_cast<const __m256i*>(weights)));
#elif defined(__AVX2__)
    return (Shorts)_mm256_cvtepi8_epi16(_mm_load_si128(reinterpret_cast<const __m128i*>(weights)));
#elif defined(__SSE2__)
    __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(weights));
    return (Shorts)_mm_srai_epi16(_mm_unpacklo_epi8(bytes, bytes), 8);
#else
    return __builtin_convertvector(*reinterpret_cast<const PairedBytes*>(weights), Shorts);
#endif
}

inline Ints paired(Shorts a, Shorts b) {
#if defined(__AVX512BW__)
    return (Ints)_mm512_madd_epi16((__m512i)a, (__m512i)b);
#elif defined(__AVX2__)
    return (Ints)_mm256_madd_epi16((__m256i)a, (__m256i)b);
#elif defined(__SSE2__)
    return (Ints)_mm_madd_epi16((__m128i)a, (__m128i)b);
#elif defined(__aarch64__)
    int16x8_t x = (int16x8_t)a, y = (int16x8_t)b;
    return (Ints)vpaddq_s32(vmull_s16(vget_low_s16(x), vget_low_s16(y)), vmull_high_s16(x, y));
#else
    Ints sums;
    for (int lane = 0; lane < LANES; ++lane) sums[lane] = a[2 * lane] * b[2 * lane] + a[2 * lane + 1] * b[2 * lane + 1];
    return sums;
#endif
}

struct Wide {
    static constexpr int SHIFT = -1;  // levels are stored as they are
    static constexpr float TOP = 1 << LOG2_WIDE;  // of a unit
    static void put(char* levels, int, int i, Ints level) {
        *reinterpret_cast<LaneShorts*>(levels + 2 * i) = __builtin_convertvector(level, LaneShorts);
    }
    static Ints get(const char* levels, int, int i) {
        return __builtin_convertvector(*reinterpret_cast<const LaneShorts*>(levels + 2 * i), Ints);
    }

    struct In {
        Shorts pair;
        In(const char* levels, int, int i)
            : pair(reinterpret_cast<Shorts>(Ints{} + *reinterpret_cast<const Whole*>(levels + 2 * i))) {}
    };
    struct Sum {
        Ints sum{};
        void add(const In& in, const char* weights) { sum += paired(widened(weights), in.pair); }
        Ints total() const { return sum; }
    };
};
typedef Wide Unit;
#endif

struct Int8 {
    struct Matrix {
        const char* words;
        const float* scales;   // [outputs]
        const int32_t* total;  // [outputs]: sum of the weights
        int inputs, outputs;   // padded to whole vectors
    };
    typedef Floats<Bf16> Fine;  // of matrices that are small, or that bear no rounding

    template <class Level>
    struct RowOf {
        const char* levels;
        float scale;
    };
    typedef RowOf<Wide> Row;
    typedef RowOf<Unit> UnitRow;

    static constexpr size_t row_bytes(int width) { return size_t(2 * width + sizeof(float) + 63) / 64 * 64; }
    static float& scale_of(char* memory, int width) { return *reinterpret_cast<float*>(memory + 2 * width); }
    static Row row(char* memory, int width) { return {memory, scale_of(memory, width)}; }

    // The scale is a power of two that leaves the largest level between a half of the most it may be, and that.
    static Row kept(const float* vector, int width, char* memory) {
        Vec found = spread(0x1p-60f);
        for (int i = 0; i < width; i += LANES) found = larger(found, magnitude(load(vector + i)));
        const Words power = exponent(largest(found));
        const int below_top = (width > LONG ? LOG2_WIDE - 1 : LOG2_WIDE) - 1;
        put<Wide>(vector, width, ratio_to(power, below_top), memory);
        scale_of(memory, width) = ratio_of(power, below_top)[0];
        return row(memory, width);
    }
    static Row passed(const float* vector, int width, char* memory) { return kept(vector, width, memory); }
    static UnitRow passed_unit(const float* vector, int width, char* memory) {
        put<Unit>(vector, width, spread(Unit::TOP), memory);
        return {memory, 1.0f / Unit::TOP};
    }

    template <class Level>
    static void put(const float* vector, int width, Vec levels_per_one, char* memory) {
        for (int i = 0; i < width; i += LANES) Level::put(memory, width, i, rounded(load(vector + i) * levels_per_one));
    }

    static void read(Row row, int width, float* to) {
        for (int i = 0; i < width; i += LANES)
            store(to + i, __builtin_convertvector(Wide::get(row.levels, width, i), Vec) * row.scale);
    }

    template <class Weight>
    static Matrix pack(Arena& arena, int inputs, int outputs, Weight weight) {
        char* words = arena.take<char>(size_t(inputs) * outputs);
        float* scales = arena.take<float>(outputs);
        int32_t* total = arena.take<int32_t>(outputs);
        Matrix matrix{words, scales, total, inputs, outputs};
        if (!words) return matrix;
        for (int o = 0; o < outputs; ++o) {
            float most = 0.0f;
            for (int i = 0; i < inputs; ++i) most = fmaxf(most, fabsf(weight(i, o)));
            scales[o] = most / 127.0f;
        }
        auto eight_bits = [&](int i, int o) { return scales[o] > 0.0f ? int(nearbyintf(weight(i, o) / scales[o])) : 0; };
        each_word(inputs, outputs, GROUPED, [&](int i, int first) {
            for (int o = first; o < first + LANES; ++o)
                for (int next = i; next < i + GROUPED; ++next) {
                    total[o] += eight_bits(next, o);
                    *words++ = char(eight_bits(next, o));
                }
        });
        return matrix;
    }

    template <class Level>
    struct Product {
        const char* words;
        const float* scales;
        const int32_t* total;
        int inputs;
        RowOf<Level> in;
        const float* from;
        float* to;

        template <int N>
        void panel() {
            typename Level::Sum sums[N];
            const char* word = words;
            for (int i = 0; i < inputs; i += GROUPED) {
                typename Level::In some(in.levels, inputs, i);
#pragma GCC unroll 8
                for (int v = 0; v < N; ++v) sums[v].add(some, word + v * GROUPED * LANES);
                word += N * GROUPED * LANES;
            }
            words = word;
            const Vec scale = spread(in.scale);
#pragma GCC unroll 8
            for (int v = 0; v < N; ++v) {
                Ints sum = sums[v].total();
                if (Level::SHIFT >= 0) sum -= *reinterpret_cast<const Ints*>(total + v * LANES) << Level::SHIFT;
                store(to + v * LANES, load(from + v * LANES) + __builtin_convertvector(sum, Vec) *
                                                                   (scale * load(scales + v * LANES)));
            }
            from += N * LANES, to += N * LANES, scales += N * LANES, total += N * LANES;
        }
    };

    // to = from + in . matrix, over whole vectors; `to` may be `from`.
    template <class Level>
    static void multiply(const Matrix& matrix, RowOf<Level> in, const float* from, float* to) {
        each_panel(matrix.outputs, Product<Level>{matrix.words, matrix.scales, matrix.total, matrix.inputs, in, from, to});
    }
};
