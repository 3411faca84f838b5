#define _GNU_SOURCE
#include "CKernels.h"

#include <sys/mman.h>
#include <unistd.h>

/// Tells the system something of the whole pages in a piece of memory, where they have `least` bytes or
/// more. A kernel that does not know the advice does without.
static inline void advise(void *memory, size_t bytes, size_t least, int advice) {
    const uintptr_t page = (uintptr_t)getpagesize();
    const uintptr_t first = ((uintptr_t)memory + page - 1) / page * page;
    const uintptr_t end = ((uintptr_t)memory + bytes) / page * page;
    if (end > first && end - first >= least) (void)madvise((void *)first, end - first, advice);
}

void *bigs_allocate_pages(size_t bytes) {
    void *pages =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) return NULL;
    bigs_prefer_large_pages(pages, bytes);
    return pages;
}

void bigs_free_pages(void *pages, size_t bytes) {
    if (pages) munmap(pages, bytes);
}

void bigs_prefer_large_pages(void *memory, size_t bytes) {
#ifdef MADV_HUGEPAGE
    advise(memory, bytes, 4u << 20, MADV_HUGEPAGE);
#endif
}

void bigs_populate_pages(void *memory, size_t bytes) {
#ifdef MADV_POPULATE_WRITE
    advise(memory, bytes, 0, MADV_POPULATE_WRITE);
#endif
}
