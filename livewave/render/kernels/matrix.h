// Matrices packed in the order a sample reads them, and the product of one with a vector. README.md draws the layout.
// Included by net.cpp inside its namespace, after vec.h.

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

// A bump allocator. Without memory it only counts, so that one pass sizes what the next one fills.
struct Arena {
    char* memory;
    size_t used = 0;

    template <class T>
    T* take(size_t count) {
        T* taken = memory ? reinterpret_cast<T*>(memory + used) : nullptr;
        used += (count * sizeof(T) + 63) / 64 * 64;
        return taken;
    }
};

constexpr int PANEL = 8;  // most vectors of outputs that stay in registers: 8 sums hide the latency of an FMA

// Panels differ in width by at most one vector, so none is left too narrow to be fast.
struct Panels {
    int vectors, count;
    explicit Panels(int vectors) : vectors(vectors), count((vectors + PANEL - 1) / PANEL) {}
    int width(int panel) const { return vectors * (panel + 1) / count - vectors * panel / count; }
};

template <class P>
struct Matrix {
    const typename P::Word* words;
    int inputs, outputs;  // padded to whole vectors
};

// weight(i, o) is the weight from input i to output o; 0 in the padding.
template <class P, class Weight>
Matrix<P> pack(Arena& arena, int inputs, int outputs, Weight weight) {
    typename P::Word* words = arena.take<typename P::Word>(size_t(inputs / 2) * (outputs / LANES) * P::words);
    Matrix<P> matrix{words, inputs, outputs};
    if (!words) return matrix;
    Panels panels(outputs / LANES);
    for (int panel = 0, first = 0; panel < panels.count; first += panels.width(panel) * LANES, ++panel)
        for (int i = 0; i < inputs; i += 2)
            for (int v = 0; v < panels.width(panel); ++v, words += P::words)
                for (int lane = 0; lane < LANES; ++lane) {
                    int o = first + v * LANES + lane;
                    P::put(words, lane, weight(i, o), weight(i + 1, o));
                }
    return matrix;
}

template <class P, int N>
const typename P::Word* panel(const typename P::Word* words, const float* in, int inputs, const float* from,
                              float* to) {
    constexpr bool narrow = N <= PANEL / 2;  // then even and odd inputs are summed apart, to keep enough sums in flight
    Vec sums[N], odd_sums[N];
#pragma GCC unroll 8
    for (int v = 0; v < N; ++v) sums[v] = load(from + v * LANES), odd_sums[v] = Vec{};
    for (int i = 0; i < inputs; i += 2) {
        Vec even_in = spread(in[i]), odd_in = spread(in[i + 1]);
#pragma GCC unroll 8
        for (int v = 0; v < N; ++v) {
            Vec even, odd;
            P::get(words + v * P::words, even, odd);
            sums[v] += even_in * even;
            if (narrow)
                odd_sums[v] += odd_in * odd;
            else
                sums[v] += odd_in * odd;
        }
        words += N * P::words;
    }
#pragma GCC unroll 8
    for (int v = 0; v < N; ++v) store(to + v * LANES, narrow ? sums[v] + odd_sums[v] : sums[v]);
    return words;
}

// to = from + in . matrix, over whole vectors; `to` may be `from`.
template <class P>
void multiply(const Matrix<P>& matrix, const float* in, const float* from, float* to) {
    Panels panels(matrix.outputs / LANES);
    const typename P::Word* words = matrix.words;
    for (int p = 0; p < panels.count; ++p) {
        int width = panels.width(p);
        switch (width) {
            case 1: words = panel<P, 1>(words, in, matrix.inputs, from, to); break;
            case 2: words = panel<P, 2>(words, in, matrix.inputs, from, to); break;
            case 3: words = panel<P, 3>(words, in, matrix.inputs, from, to); break;
            case 4: words = panel<P, 4>(words, in, matrix.inputs, from, to); break;
            case 5: words = panel<P, 5>(words, in, matrix.inputs, from, to); break;
            case 6: words = panel<P, 6>(words, in, matrix.inputs, from, to); break;
            case 7: words = panel<P, 7>(words, in, matrix.inputs, from, to); break;
            case 8: words = panel<P, 8>(words, in, matrix.inputs, from, to); break;
        }
        from += width * LANES, to += width * LANES;
    }
}
