// One sample from one row of logits, by the rule of `wavenet.draw`.
// Included by net.cpp inside its namespace, after vec.h.

constexpr int GROUP = 16;  // classes summed together; every vector width divides it
constexpr int MOST_ODDS = CLASSES;

// What inversion found: the class, its odds, and how far into them the target lies.
struct Choice {
    int index;
    float odds, inside;
};

inline int most_likely(const float* logits, int n) {
    int best = 0;
    for (int i = 1; i < n; ++i)
        if (logits[i] > logits[best]) best = i;
    return best;
}

// The first of n classes whose cumulative odds exceed uniform * total; the last one if rounding leaves none.
inline Choice invert(const float* logits, int n, float uniform, float temperature) {
    alignas(64) float odds[MOST_ODDS];
    float below[MOST_ODDS / GROUP];  // per group: the odds before it
    int groups = (n + GROUP - 1) / GROUP;
    float top = logits[0];
    int i = 0;
    if (n >= LANES) {
        Vec tops = load(logits);
        for (i = LANES; i + LANES <= n; i += LANES) tops = larger(tops, load(logits + i));
        top = largest(tops)[0];
    }
    for (; i < n; ++i) top = logits[i] > top ? logits[i] : top;
    for (int i = 0; i < groups * GROUP; ++i) odds[i] = i < n ? (logits[i] - top) / temperature : -1e30f;
    for (int i = 0; i < groups * GROUP; i += LANES) store(odds + i, exponential(load(odds + i)));
    float total = 0.0f;
    for (int g = 0; g < groups; ++g) {
        float group = 0.0f;
        for (int i = 0; i < GROUP; ++i) group += odds[g * GROUP + i];
        below[g] = total;
        total += group;
    }
    float target = uniform * total;
    int g = 0;
    while (g + 1 < groups && below[g + 1] <= target) ++g;
    // The same sum in the same order as above: within the group it ends exactly where the next group begins.
    float inner = 0.0f;
    for (int i = g * GROUP; i < n; ++i) {
        inner += odds[i];
        if (below[g] + inner > target) return {i, odds[i], target - (below[g] + inner - odds[i])};
    }
    return {n - 1, odds[n - 1], odds[n - 1]};
}

// Below this a division could overflow; the most likely class has won long before.
constexpr float COLDEST = 1e-6f;

inline int draw_class(const float* logits, float uniform, float temperature) {
    return temperature > COLDEST ? invert(logits, CLASSES, uniform, temperature).index : most_likely(logits, CLASSES);
}

// logits: weight of each of n logistics, then means, then log-scales.
inline float draw_logistic(const float* logits, int n, float uniform, float temperature) {
    if (!(temperature > COLDEST)) return logits[n + most_likely(logits, n)];
    Choice choice = invert(logits, n, uniform, temperature);
    float rest = choice.inside / choice.odds;
    rest = rest > 1e-5f ? (rest < 1.0f - 1e-5f ? rest : 1.0f - 1e-5f) : 1e-5f;
    float log_scale = logits[2 * n + choice.index];
    float scale = expf(log_scale > -12.0f ? log_scale : -12.0f);
    return logits[n + choice.index] + scale * temperature * logf(rest / (1.0f - rest));
}
