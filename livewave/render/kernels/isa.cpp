// Which kernels were built, which of them this CPU runs, and the memory they live in. Compiled for the oldest CPU.
#include "net.h"

#include <cstdlib>
#include <cstring>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace livewave {

Net::~Net() = default;

#if defined(__x86_64__)
namespace baseline { Net* make(const Description&); }
namespace v3 { Net* make(const Description&); }
namespace v4 { Net* make(const Description&); }

static bool always() { return true; }
static bool has_v3() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
static bool has_v4() {
    return has_v3() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
}
const Isa ISAS[] = {{"baseline", always, baseline::make}, {"v3", has_v3, v3::make}, {"v4", has_v4, v4::make}};
const int ISA_COUNT = 3;
#elif defined(__aarch64__)
namespace neon { Net* make(const Description&); }

static bool always() { return true; }
const Isa ISAS[] = {{"neon", always, neon::make}};
const int ISA_COUNT = 1;
#else
namespace baseline { Net* make(const Description&); }

static bool always() { return true; }
const Isa ISAS[] = {{"baseline", always, baseline::make}};
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
