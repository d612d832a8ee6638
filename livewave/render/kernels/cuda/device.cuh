// What wavenet.cu asks of the machine, for a GPU. tests/render/cuda_emulator/device.h is the same list for a CPU.
// No header of a CUDA toolkit is included: a machine with only NVRTC has none.
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define DEVICE __device__ __forceinline__
#define UNROLLED _Pragma("unroll")
#define ROLLED _Pragma("unroll 1")  // keeps what a sample executes small enough for the instruction caches
#define KERNEL extern "C" __global__ __launch_bounds__(THREADS, 1)

DEVICE int thread_index() { return threadIdx.x; }
DEVICE int block_index() { return blockIdx.x; }

DEVICE char* shared_memory() {
    extern __shared__ __align__(16) char memory[];
    return memory;
}

DEVICE void barrier() { __syncthreads(); }
DEVICE bool barrier_or(bool vote) { return __syncthreads_or(vote); }
DEVICE void warp_barrier() { __syncwarp(); }
DEVICE u32 lanes_where(bool vote) { return __ballot_sync(0xffffffffu, vote); }
template <class T>
DEVICE T shuffle_up(T value, int distance) { return __shfl_up_sync(0xffffffffu, value, distance); }
template <class T>
DEVICE T shuffle_xor(T value, int mask) { return __shfl_xor_sync(0xffffffffu, value, mask); }
template <class T>
DEVICE T shuffle_from(T value, int lane) { return __shfl_sync(0xffffffffu, value, lane); }

// All blocks of the cluster. What they wrote to each other's shared memory before is seen after.
DEVICE void cluster_barrier() {
#if __CUDA_ARCH__ >= 900
    asm volatile("barrier.cluster.arrive.release;\n\tbarrier.cluster.wait.acquire;" ::: "memory");
#endif
}

// Where block `rank` of the cluster has what this block has at `mine` in its shared memory.
DEVICE char* peer(char* mine, int rank) {
#if __CUDA_ARCH__ >= 900
    u64 theirs;
    asm("mapa.u64 %0, %1, %2;" : "=l"(theirs) : "l"(mine), "r"(rank));
    return reinterpret_cast<char*>(theirs);
#else
    return mine;
#endif
}

// One aligned 64-bit access is never torn: who sees the new upper half sees the new lower half.
DEVICE void store_message(u64* slot, u64 message) {
    asm volatile("st.relaxed.gpu.u64 [%0], %1;" ::"l"(slot), "l"(message) : "memory");
}
DEVICE u64 load_message(const u64* slot) {
    u64 message;
    asm volatile("ld.relaxed.gpu.u64 %0, [%1];" : "=l"(message) : "l"(slot) : "memory");
    return message;
}

// Waiting with an end: a fault must not hang the GPU. About two seconds.
struct Patience {
    long long since = 0;
    DEVICE void wait() {
        long long now = clock64();
        if (!since) since = now;
        if (now - since > 4000000000ll) asm volatile("trap;");
    }
};

// a: 16 x 16 (row, column), b: 16 x 8, sum: 16 x 8; PTX ISA, "Matrix fragments for mma.m16n8k16".
DEVICE void mma(float (&sum)[4], const uint4& a, u32 b0, u32 b1) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
        : "r"(a.x), "r"(a.y), "r"(a.z), "r"(a.w), "r"(b0), "r"(b1));
}

DEVICE u16 half_bits(float x) {  // nearest, ties to even
    u16 bits;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(x));
    return bits;
}
DEVICE float from_half(u16 bits) {
    float x;
    asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"(bits));
    return x;
}
DEVICE float power_of_two(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}
DEVICE float reciprocal(float x) {
    float y;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}
DEVICE void sine_and_cosine_of_pi_times(float x, float& sine, float& cosine) { sincospif(x, &sine, &cosine); }
DEVICE int lowest_bit(u32 word) { return __ffs(word) - 1; }
DEVICE float float_of(u32 bits) { return __uint_as_float(bits); }
DEVICE u32 bits_of(float x) { return __float_as_uint(x); }
