// Runs wavenet.cu on a CPU: all blocks of a choir at once, a fiber for each thread, one choir after another.
// Built by tests/render/test_cuda.py: g++ -std=c++17 -fno-strict-aliasing -DLIVEWAVE_EMULATED -I . -I <kernels/cuda>
#include "wavenet.cu"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <algorithm>
#include <random>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#define ANNOTATED 1
#else
#define ANNOTATED 0
#endif

namespace emulator {
namespace {

constexpr size_t STACK_BYTES = 128 << 10;
constexpr long MOST_PAUSES = 5'000'000;  // without a message: nothing will come any more

struct Fiber;

struct Crowd {  // who takes part in a meeting, and who is there
    int size = 0;
    std::vector<Fiber*> there;
    Meeting meeting;
};

struct Cta {
    int index;
    std::vector<char> memory;
    char* shared;
    Crowd all;
    Crowd warps[WARPS];
};

struct Fiber {
    Cta* cta;
    int thread;
    int generations[3];
    bool started, ended;
    ucontext_t context;
    jmp_buf place;
    char* stack;
    void* fake_stack;
};

enum Order { FORWARD, REVERSE, SHUFFLED };

std::vector<Fiber> fibers;
std::vector<Cta> ctas;
Crowd cluster;
std::vector<Fiber*> ready;
Fiber* current;
long pauses;
jmp_buf scheduler_place;
ucontext_t scheduler_context;
const void* scheduler_stack;
size_t scheduler_stack_bytes;
void* scheduler_fake_stack;

struct Arguments {
    const char* net;
    char* state;
    const char* in;
    float* out;
} arguments;

void to_scheduler(bool last = false) {
    Fiber* self = current;
#if ANNOTATED
    __sanitizer_start_switch_fiber(last ? nullptr : &self->fake_stack, scheduler_stack, scheduler_stack_bytes);
    swapcontext(&self->context, &scheduler_context);
    __sanitizer_finish_switch_fiber(self->fake_stack, nullptr, nullptr);
#else
    (void)last;
    if (!_setjmp(self->place)) _longjmp(scheduler_place, 1);
#endif
}

void fiber_body() {
#if ANNOTATED
    __sanitizer_finish_switch_fiber(nullptr, &scheduler_stack, &scheduler_stack_bytes);
#endif
    livewave_render(arguments.net, arguments.state, arguments.in, arguments.out);
    current->ended = true;
    to_scheduler(true);
}

void run(Fiber* fiber) {
    current = fiber;
#if ANNOTATED
    __sanitizer_start_switch_fiber(&scheduler_fake_stack, fiber->stack, STACK_BYTES);
    swapcontext(&scheduler_context, &fiber->context);
    __sanitizer_finish_switch_fiber(scheduler_fake_stack, nullptr, nullptr);
#else
    if (_setjmp(scheduler_place)) return;
    if (fiber->started) _longjmp(fiber->place, 1);
    fiber->started = true;
    setcontext(&fiber->context);
#endif
}

Crowd& crowd(Group group) {
    if (group == CLUSTER) return cluster;
    return group == BLOCK ? current->cta->all : current->cta->warps[current->thread / 32];
}

void open_choir(int choir, int parts, int shared_bytes) {
    ctas.resize(parts);
    if (fibers.size() < size_t(parts) * THREADS) {
        size_t before = fibers.size();
        fibers.resize(size_t(parts) * THREADS);
        for (size_t i = before; i < fibers.size(); ++i)
            fibers[i].stack = static_cast<char*>(mmap(nullptr, STACK_BYTES, PROT_READ | PROT_WRITE,
                                                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    }
    cluster.size = parts * THREADS;
    for (int p = 0; p < parts; ++p) {
        Cta& cta = ctas[p];
        cta.index = choir * parts + p;
        cta.memory.assign(shared_bytes + 16, char(0xff));  // not numbers: what nobody wrote must not be read
        cta.shared = cta.memory.data() + (16 - reinterpret_cast<uintptr_t>(cta.memory.data()) % 16) % 16;
        cta.all.size = THREADS;
        for (Crowd& warp : cta.warps) warp.size = 32;
        for (int t = 0; t < THREADS; ++t) {
            Fiber& fiber = fibers[size_t(p) * THREADS + t];
            fiber.cta = &cta, fiber.thread = t, fiber.started = fiber.ended = false;
            std::fill(fiber.generations, fiber.generations + 3, 0);
            getcontext(&fiber.context);
            fiber.context.uc_stack.ss_sp = fiber.stack, fiber.context.uc_stack.ss_size = STACK_BYTES;
            fiber.context.uc_link = nullptr;
            makecontext(&fiber.context, fiber_body, 0);
            ready.push_back(&fiber);
        }
    }
}

// False when no fiber can go on: a barrier that not all reach, or a message that never comes.
bool play_choir(int order, unsigned seed) {
    std::minstd_rand random(seed);
    std::vector<Fiber*> round;
    pauses = 0;
    while (!ready.empty()) {
        round.swap(ready);
        ready.clear();
        if (order == REVERSE) std::reverse(round.begin(), round.end());
        if (order == SHUFFLED) std::shuffle(round.begin(), round.end(), random);
        for (Fiber* fiber : round) run(fiber);
        if (pauses > MOST_PAUSES) return false;
    }
    for (const Cta& cta : ctas)
        for (int t = 0; t < THREADS; ++t)
            if (!fibers[size_t(&cta - ctas.data()) * THREADS + t].ended) return false;
    return true;
}

}  // namespace

int thread() { return current->thread; }
int block() { return current->cta->index; }
char* shared() { return current->cta->shared; }
char* peer(char* mine, int rank) { return mine - current->cta->shared + ctas[rank].shared; }
Meeting& meeting(Group group) { return crowd(group).meeting; }
int& generation(Group group) { return current->generations[group]; }
void progress() { pauses = 0; }

void meet(Group group) {
    Crowd& here = crowd(group);
    here.there.push_back(current);
    if (int(here.there.size()) == here.size) {
        ready.insert(ready.end(), here.there.begin(), here.there.end());
        here.there.clear();
    }
    to_scheduler();
}

void pause() {
    ++pauses;
    ready.push_back(current);
    to_scheduler();
}

// The fragments of PTX ISA, "Matrix fragments for mma.m16n8k16"; products are exact, sums are float.
void multiply(const void* const (&tiles)[32][3]) {
    float a[16][16], b[16][8], c[16][8];
    for (int lane = 0; lane < 32; ++lane) {
        const u16* halves = static_cast<const u16*>(tiles[lane][0]);
        const u16* inputs = static_cast<const u16*>(tiles[lane][1]);
        const float* sums = static_cast<const float*>(tiles[lane][2]);
        const int group = lane / 4, in_group = lane % 4;
        for (int i = 0; i < 8; ++i)
            a[group + (i / 2 % 2 ? 8 : 0)][in_group * 2 + i % 2 + (i < 4 ? 0 : 8)] = from_half(halves[i]);
        for (int i = 0; i < 4; ++i) b[in_group * 2 + i % 2 + (i < 2 ? 0 : 8)][group] = from_half(inputs[i]);
        for (int i = 0; i < 4; ++i) c[group + (i < 2 ? 0 : 8)][in_group * 2 + i % 2] = sums[i];
    }
    for (int k = 0; k < 16; ++k)
        for (int m = 0; m < 16; ++m)
            for (int n = 0; n < 8; ++n) c[m][n] += a[m][k] * b[k][n];
    for (int lane = 0; lane < 32; ++lane)
        for (int i = 0; i < 4; ++i)
            static_cast<float*>(const_cast<void*>(tiles[lane][2]))[i] =
                c[lane / 4 + (i < 2 ? 0 : 8)][lane % 4 * 2 + i % 2];
}

float from_half(u16 bits) {
    static const std::vector<float> table = [] {
        std::vector<float> all(65536);
        for (int i = 0; i < 65536; ++i) {
            const int exponent = i >> 10 & 31, fraction = i & 1023;
            float x = exponent ? ldexpf(float(fraction + 1024), exponent - 25) : ldexpf(float(fraction), -24);
            if (exponent == 31) x = fraction ? NAN : INFINITY;
            all[i] = i >> 15 ? -x : x;
        }
        return all;
    }();
    return table[bits];
}

u16 to_half(float x) {
    const u32 bits = bits_of(x), sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000) return u16(sign | 0x7e00);
    if (magnitude >= 0x477ff000) return u16(sign | 0x7c00);                              // rounds to infinity
    if (magnitude < 0x38800000) return u16(sign | u32(nearbyintf(fabsf(x) * 16777216)));  // multiples of 2^-24
    return u16(sign | ((magnitude + 0xfff + (magnitude >> 13 & 1) - 0x38000000) >> 13));
}

}  // namespace emulator

// Addresses as a launch has them. order: 0 as they come, 1 reversed, 2 shuffled by `seed`. Returns 0 when all threads
// ended.
extern "C" int emulate(const char* net, char* state, const char* in, float* out, int choirs, int parts,
                       int shared_bytes, int order, unsigned seed) {
    using namespace emulator;
    arguments = {net, state, in, out};
    for (int choir = 0; choir < choirs; ++choir) {
        ready.clear();
        cluster.there.clear();
        ctas.clear();
        open_choir(choir, parts, shared_bytes);
        if (!play_choir(order, seed)) return 1;
    }
    return 0;
}

extern "C" int size_of_plan() { return sizeof(Plan); }
extern "C" int size_of_tables() { return sizeof(Tables); }
extern "C" int size_of_part() { return sizeof(Part); }
extern "C" int size_of_block() { return sizeof(Block); }
