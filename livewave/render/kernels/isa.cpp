// Which kernels were built, which of them this CPU runs, and the memory they live in. Compiled for the oldest CPU.
#include "net.h"

#include <cstdlib>
#include <cstring>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif
#endif

namespace livewave {

Net::~Net() = default;

#define LIVEWAVE_KERNEL(isa) \
    namespace isa { \
    Net* make(const Description&); \
    uint32_t sweep(const void*, size_t); \
    }
#define LIVEWAVE_ROW(isa, runs_here) {#isa, runs_here, isa::make, isa::sweep}

static bool always() { return true; }

#if defined(__x86_64__)
LIVEWAVE_KERNEL(baseline)
LIVEWAVE_KERNEL(v3)
LIVEWAVE_KERNEL(v4)
LIVEWAVE_KERNEL(v4vnni)

static bool has_v3() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
static bool has_v4() {
    return has_v3() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
}
static bool has_v4vnni() { return has_v4() && __builtin_cpu_supports("avx512vnni"); }
const Isa ISAS[] = {LIVEWAVE_ROW(baseline, always), LIVEWAVE_ROW(v3, has_v3), LIVEWAVE_ROW(v4, has_v4),
                    LIVEWAVE_ROW(v4vnni, has_v4vnni)};
const int ISA_COUNT = 4;
#elif defined(__aarch64__)
LIVEWAVE_KERNEL(neon)
LIVEWAVE_KERNEL(neondot)

#if defined(__linux__)
static bool has_neondot() { return getauxval(AT_HWCAP) & HWCAP_ASIMDDP; }
#elif defined(__APPLE__)
static bool has_neondot() { return true; }  // every Mac with this processor
#else
static bool has_neondot() { return false; }
#endif
const Isa ISAS[] = {LIVEWAVE_ROW(neon, always), LIVEWAVE_ROW(neondot, has_neondot)};
const int ISA_COUNT = 2;
#else
LIVEWAVE_KERNEL(baseline)
const Isa ISAS[] = {LIVEWAVE_ROW(baseline, always)};
const int ISA_COUNT = 1;
#endif

void* allocate(size_t bytes) {
    constexpr size_t huge_page = size_t(2) << 20;
    void* memory = nullptr;
    if (posix_memalign(&memory, huge_page, bytes)) throw std::bad_alloc();
#if defined(__linux__)
    madvise(memory, bytes, MADV_HUGEPAGE);  // a wish; without it only the TLB works harder
#endif
    return std::memset(memory, 0, bytes);
}

void release(void* memory) { std::free(memory); }

}  // namespace livewave
