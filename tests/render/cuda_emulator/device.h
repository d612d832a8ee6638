// What wavenet.cu asks of the machine, for a CPU: livewave/render/kernels/cuda/device.cuh is the same list for a GPU.
// Every thread is a fiber (fibers.cpp); a barrier, a vote or a tile product is where fibers change. Between two of them
// a thread runs alone, so that a missing barrier shows as a result that depends on the order in which fibers run.
#pragma once

#include <math.h>
#include <stdint.h>
#include <string.h>

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

struct alignas(16) uint4 {
    u32 x, y, z, w;
};

#define DEVICE inline
#define UNROLLED
#define ROLLED
#define KERNEL static

namespace emulator {

enum Group { WARP, BLOCK, CLUSTER };

// What the lanes of a warp, or the threads of a block, lay down for each other. Two generations: who lays down the next
// has passed the meeting of this one, and every other has read this one before it comes to the next.
struct Meeting {
    u64 values[2][256];
    const void* tiles[2][32][3];  // of a lane: fragment of a, of b, sums
};

int thread();
int block();
char* shared();
char* peer(char* mine, int rank);
void meet(Group group);
void pause();     // nothing has come yet
void progress();  // something was sent
Meeting& meeting(Group group);
int& generation(Group group);
void multiply(const void* const (&tiles)[32][3]);
float from_half(u16 bits);
u16 to_half(float x);

// Lays down this thread's value, meets the group, and shows what all laid down.
inline const u64* exchange(Group group, u64 value) {
    const int now = generation(group)++ & 1, place = group == WARP ? thread() % 32 : thread();
    u64* values = meeting(group).values[now];
    values[place] = value;
    meet(group);
    return values;
}

template <class T>
T shuffle(T value, int from) {
    u64 bits = 0;
    memcpy(&bits, &value, sizeof value);
    const u64* values = exchange(WARP, bits);
    memcpy(&value, values + from, sizeof value);
    return value;
}

}  // namespace emulator

inline int thread_index() { return emulator::thread(); }
inline int block_index() { return emulator::block(); }
inline char* shared_memory() { return emulator::shared(); }

inline void barrier() { emulator::meet(emulator::BLOCK); }
inline void warp_barrier() { emulator::meet(emulator::WARP); }
inline void cluster_barrier() { emulator::meet(emulator::CLUSTER); }
inline bool barrier_or(bool vote) {
    const u64* votes = emulator::exchange(emulator::BLOCK, vote);
    bool any = false;
    for (int i = 0; i < 256; ++i) any = any || votes[i];
    return any;
}
inline u32 lanes_where(bool vote) {
    const u64* votes = emulator::exchange(emulator::WARP, vote);
    u32 word = 0;
    for (int lane = 0; lane < 32; ++lane) word |= u32(votes[lane]) << lane;
    return word;
}
template <class T>
T shuffle_up(T value, int distance) {
    const int lane = emulator::thread() % 32;
    return emulator::shuffle(value, lane >= distance ? lane - distance : lane);
}
template <class T>
T shuffle_xor(T value, int mask) { return emulator::shuffle(value, (emulator::thread() % 32) ^ mask); }
template <class T>
T shuffle_from(T value, int lane) { return emulator::shuffle(value, lane); }

inline char* peer(char* mine, int rank) { return emulator::peer(mine, rank); }
inline void store_message(u64* slot, u64 message) {
    *slot = message;
    emulator::progress();
}
inline u64 load_message(const u64* slot) { return *slot; }

struct Patience {
    void wait() { emulator::pause(); }
};

inline void mma(float (&sum)[4], const uint4& a, u32 b0, u32 b1) {
    const u32 b[2] = {b0, b1};
    const int now = emulator::generation(emulator::WARP)++ & 1;
    auto& tiles = emulator::meeting(emulator::WARP).tiles[now];
    auto& mine = tiles[emulator::thread() % 32];
    float own[4];  // the sums may be in no memory that lasts until the others read them
    memcpy(own, sum, sizeof own);
    mine[0] = &a, mine[1] = b, mine[2] = own;
    emulator::meet(emulator::WARP);
    if (emulator::thread() % 32 == 0) emulator::multiply(tiles);
    emulator::meet(emulator::WARP);
    memcpy(sum, own, sizeof own);
}

inline u16 half_bits(float x) { return emulator::to_half(x); }
inline float from_half(u16 bits) { return emulator::from_half(bits); }
inline float power_of_two(float x) { return exp2f(x); }
inline float reciprocal(float x) { return 1.0f / x; }
inline void sine_and_cosine_of_pi_times(float x, float& sine, float& cosine) {
    sine = float(sin(3.14159265358979323846 * x));
    cosine = float(cos(3.14159265358979323846 * x));
}
inline int lowest_bit(u32 word) { return __builtin_ctz(word); }
inline float float_of(u32 bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
inline u32 bits_of(float x) {
    u32 bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}
