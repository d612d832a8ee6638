// Memory, panels, and matrices of floats: their packing and their product with a vector. README.md draws the layout.
// Included by net.cpp inside its namespace, after vec.h.

#if defined(__SANITIZE_ADDRESS__)  // then arrays lie apart, and what is between them is not to be touched
extern "C" void __asan_poison_memory_region(const volatile void*, size_t);
constexpr size_t GAP = 64;
#else
constexpr size_t GAP = 0;
#endif

// A bump allocator. Without memory it only counts, so that one pass sizes what the next one fills.
struct Arena {
    char* memory;
    size_t used = 0;

    template <class T>
    T* take(size_t count) {
        T* taken = memory ? reinterpret_cast<T*>(memory + used) : nullptr;
        used += (count * sizeof(T) + 63) / 64 * 64;
#if defined(__SANITIZE_ADDRESS__)
        if (memory) __asan_poison_memory_region(memory + used, GAP);
#endif
        used += GAP;
        return taken;
    }
};

constexpr int PANEL = 8;  // most vectors of outputs that stay in registers: 8 sums hide the latency of an FMA

// Panels differ in width by at most one vector, so none is left too narrow to be fast.
struct Panels {
    int count, narrow, wider;  // `wider` panels of narrow + 1 vectors come first

    explicit Panels(int vectors) : count((vectors + PANEL - 1) / PANEL), narrow(0), wider(0) {
        if (count) narrow = vectors / count, wider = vectors % count;
    }
    int width(int panel) const { return narrow + (panel < wider); }
};

// Calls work.template panel<N>() for each panel of `outputs`, N being its width: sums must be in registers, so a
// width must be a constant.
template <class Work>
void each_panel(int outputs, Work&& work) {
    Panels panels(outputs / LANES);
    for (int p = 0; p < panels.count; ++p) switch (panels.width(p)) {
            case 1: work.template panel<1>(); break;
            case 2: work.template panel<2>(); break;
            case 3: work.template panel<3>(); break;
            case 4: work.template panel<4>(); break;
            case 5: work.template panel<5>(); break;
            case 6: work.template panel<6>(); break;
            case 7: work.template panel<7>(); break;
            case 8: work.template panel<8>(); break;
        }
}

// Visits the weights in packed order: visit(first input, first output of a vector), `inputs` at a time.
template <class Visit>
void each_word(int inputs, int outputs, int inputs_a_word, Visit visit) {
    Panels panels(outputs / LANES);
    for (int panel = 0, first = 0; panel < panels.count; first += panels.width(panel) * LANES, ++panel)
        for (int i = 0; i < inputs; i += inputs_a_word)
            for (int v = 0; v < panels.width(panel); ++v) visit(i, first + v * LANES);
}

// Two rows of weights at a time: each 32-bit word holds one output's weights for an even and an odd input.
struct Bf16 {
    typedef uint32_t Word;
    static constexpr int words = LANES;  // per vector of outputs and pair of inputs

    static uint32_t nearest(float x) {  // ties to even
        uint32_t bits;
        memcpy(&bits, &x, 4);
        return (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    }
    static void put(Word* to, int lane, float even, float odd) { to[lane] = nearest(even) | nearest(odd) << 16; }
    static void get(const Word* from, Vec& even, Vec& odd) {
        Words both = *reinterpret_cast<const Words*>(from);
        even = reinterpret_cast<Vec>(both << 16);
        odd = reinterpret_cast<Vec>(both & 0xffff0000u);
    }
};

struct F32 {
    typedef float Word;
    static constexpr int words = 2 * LANES;

    static void put(Word* to, int lane, float even, float odd) { to[lane] = even, to[LANES + lane] = odd; }
    static void get(const Word* from, Vec& even, Vec& odd) { even = load(from), odd = load(from + LANES); }
};

// A precision of the net whose activations stay floats. See net.cpp for what a precision offers.
template <class Format>
struct Floats {
    struct Matrix {
        const typename Format::Word* words;
        int inputs, outputs;  // padded to whole vectors
    };
    typedef Floats Fine;
    typedef const float* Row;

    static constexpr size_t row_bytes(int width) { return sizeof(float) * width; }
    static Row row(char* memory, int) { return reinterpret_cast<Row>(memory); }
    static Row passed(const float* vector, int, char*) { return vector; }
    static Row passed_unit(const float* vector, int, char*) { return vector; }
    static Row kept(const float* vector, int width, char* memory) {
        memcpy(memory, vector, sizeof(float) * width);
        return row(memory, width);
    }
    static void read(Row row, int width, float* to) { memcpy(to, row, sizeof(float) * width); }

    // weight(i, o) is the weight from input i to output o; 0 in the padding.
    template <class Weight>
    static Matrix pack(Arena& arena, int inputs, int outputs, Weight weight) {
        auto* words = arena.take<typename Format::Word>(size_t(inputs / 2) * (outputs / LANES) * Format::words);
        Matrix matrix{words, inputs, outputs};
        if (words)
            each_word(inputs, outputs, 2, [&](int i, int first) {
                for (int lane = 0; lane < LANES; ++lane)
                    Format::put(words, lane, weight(i, first + lane), weight(i + 1, first + lane));
                words += Format::words;
            });
        return matrix;
    }

    struct Product {
        const typename Format::Word* words;
        int inputs;
        const float *in, *from;
        float* to;

        template <int N>
        void panel() {
            constexpr bool narrow = N <= PANEL / 2;  // then even and odd inputs are summed apart: more sums in flight
            Vec sums[N], odd_sums[N];
#pragma GCC unroll 8
            for (int v = 0; v < N; ++v) sums[v] = load(from + v * LANES), odd_sums[v] = Vec{};
            for (int i = 0; i < inputs; i += 2) {
                Vec even_in = spread(in[i]), odd_in = spread(in[i + 1]);
#pragma GCC unroll 8
                for (int v = 0; v < N; ++v) {
                    Vec even, odd;
                    Format::get(words + v * Format::words, even, odd);
                    sums[v] += even_in * even;
                    if (narrow)
                        odd_sums[v] += odd_in * odd;
                    else
                        sums[v] += odd_in * odd;
                }
                words += N * Format::words;
            }
#pragma GCC unroll 8
            for (int v = 0; v < N; ++v) store(to + v * LANES, narrow ? sums[v] + odd_sums[v] : sums[v]);
            from += N * LANES, to += N * LANES;
        }
    };

    // to = from + in . matrix, over whole vectors; `to` may be `from`.
    static void multiply(const Matrix& matrix, Row in, const float* from, float* to) {
        each_panel(matrix.outputs, Product{matrix.words, matrix.inputs, in, from, to});
    }
};
