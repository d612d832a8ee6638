// Counts allocations of one thread while it is armed. Loaded with LD_PRELOAD by test_native.py.
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

extern "C" {

void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);

static __thread bool armed __attribute__((tls_model("initial-exec")));
static __thread long count __attribute__((tls_model("initial-exec")));

void tripwire_arm() { armed = true, count = 0; }
long tripwire_disarm() {
    armed = false;
    return count;
}

void* malloc(size_t size) { return count += armed, __libc_malloc(size); }
void* calloc(size_t n, size_t size) { return count += armed, __libc_calloc(n, size); }
void* realloc(void* p, size_t size) { return count += armed, __libc_realloc(p, size); }
void* memalign(size_t alignment, size_t size) { return count += armed, __libc_memalign(alignment, size); }
void* aligned_alloc(size_t alignment, size_t size) { return count += armed, __libc_memalign(alignment, size); }
int posix_memalign(void** to, size_t alignment, size_t size) {
    *to = memalign(alignment, size);
    return *to ? 0 : ENOMEM;
}
}
