// LIVEWAVE_LANES floats at once, and the functions the net needs of them. Included by net.cpp inside its namespace.
typedef float Vec __attribute__((vector_size(4 * LIVEWAVE_LANES), may_alias));
typedef int32_t Ints __attribute__((vector_size(4 * LIVEWAVE_LANES), may_alias));
typedef uint32_t Words __attribute__((vector_size(4 * LIVEWAVE_LANES), may_alias));
typedef int32_t Whole __attribute__((may_alias));

constexpr int LANES = LIVEWAVE_LANES;

constexpr int padded(int n) { return (n + LANES - 1) / LANES * LANES; }

inline Vec load(const float* p) { return *reinterpret_cast<const Vec*>(p); }
inline void store(float* p, Vec v) { *reinterpret_cast<Vec*>(p) = v; }
inline Vec spread(float x) { return x - Vec{}; }
inline Vec at_most(Vec v, float top) { return v < top ? v : spread(top); }       // NaN becomes top
inline Vec at_least(Vec v, float bottom) { return v > bottom ? v : spread(bottom); }  // NaN becomes bottom

inline float sum(Vec v) {
    float total = 0.0f;
    for (int i = 0; i < LANES; ++i) total += v[i];
    return total;
}

inline Vec magnitude(Vec v) { return reinterpret_cast<Vec>(reinterpret_cast<Ints>(v) & 0x7fffffff); }
inline Vec larger(Vec a, Vec b) { return a > b ? a : b; }

// The largest lane, in every lane.
inline Vec largest(Vec v) {
#if defined(__GNUC__) && !defined(__clang__)
    for (int distance = LANES / 2; distance; distance /= 2) {
        Ints partners;
        for (int i = 0; i < LANES; ++i) partners[i] = i ^ distance;
        v = larger(v, __builtin_shuffle(v, partners));
    }
    return v;
#else
    float most = v[0];  // Clang makes the steps above of this, and knows no shuffle by vector
    for (int i = 1; i < LANES; ++i) most = v[i] > most ? v[i] : most;
    return spread(most);
#endif
}

constexpr float ROUND = 12582912.0f;  // 1.5 * 2^23: adding it leaves the nearest whole number in the low bits

inline Ints rounded(Vec v) { return reinterpret_cast<Ints>(v + ROUND) - 0x4b400000; }  // for |v| < 2^22, ties to even

// 2^n, the power of two in v: 2^n <= |v| < 2^(n + 1). Then it over, and under, another one: whole numbers do in a few
// steps what a division takes long for. Good for |v| and 2^power between 2^-60 and 2^60.
inline Words exponent(Vec v) { return reinterpret_cast<Words>(v) & 0x7f800000u; }
inline Vec ratio_to(Words exponent, int power) { return reinterpret_cast<Vec>((uint32_t(254 + power) << 23) - exponent); }
inline Vec ratio_of(Words exponent, int power) { return reinterpret_cast<Vec>(exponent - (uint32_t(power) << 23)); }

// e^x as scale * (1 + rest), for x in -87..88. Keeping 1 apart leaves e^x - 1 exact to the last bits near 0.
// Polynomial: Cephes expf (Moshier), |error| < 2e-7 relative.
struct Exp {
    Vec scale, rest;
};

inline Exp exp_parts(Vec x) {
    Vec shifted = x * 1.44269504f + ROUND;
    Ints exponent = reinterpret_cast<Ints>(shifted) - 0x4b400000;
    Vec n = shifted - ROUND;
    Vec r = x - n * 0.693359375f;
    r = r + n * 2.12194440e-4f;
    Vec p = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    return {reinterpret_cast<Vec>((exponent + 127) << 23), p * (r * r) + r};
}

inline Vec exponential(Vec x) {  // 0 below -87, where floats end
    Exp e = exp_parts(at_least(x, -87.0f));
    return x < -87.0f ? Vec{} : e.scale * e.rest + e.scale;
}

// tanh(f) * sigmoid(g) with one division: (e^2f - 1) / ((e^2f + 1) * (1 + e^-g)). Finite for every input, NaN too.
inline Vec gated(Vec f, Vec g) {
    Exp e = exp_parts(2.0f * at_least(at_most(f, 9.0f), -9.0f));
    Vec above_one = e.scale * e.rest + (e.scale - 1.0f);
    Exp d = exp_parts(-at_least(at_most(g, 60.0f), -60.0f));
    return above_one / ((above_one + 2.0f) * (d.scale * d.rest + d.scale + 1.0f));
}

inline Vec rectified(Vec v) { return at_least(v, 0.0f); }

// sin(2 pi phase / 2^32), |error| < 3e-7. Folded into the quarter turns around 0; odd Taylor series to degree 11.
inline Vec sine(Words phase) {
    Vec turn = __builtin_convertvector(reinterpret_cast<Ints>(phase), Vec) * 0x1p-32f;
    turn = turn > 0.25f ? 0.5f - turn : turn;
    turn = turn < -0.25f ? -0.5f - turn : turn;
    Vec a = turn * 6.28318531f, b = a * a;
    Vec p = b * -2.5052108e-8f + 2.7557319e-6f;
    p = p * b - 1.9841270e-4f;
    p = p * b + 8.3333333e-3f;
    p = p * b - 1.6666667e-1f;
    return p * (b * a) + a;
}
