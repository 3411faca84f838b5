#define _GNU_SOURCE
#include "CKernels.h"

#include <stdatomic.h>
#include <time.h>

static atomic_int enabled;
static _Atomic uint64_t nanoseconds[BIGS_STAGES], bytes[BIGS_STAGES];

void bigs_stages_enable(int on) {
    for (int i = 0; i < BIGS_STAGES; i++) {
        atomic_store(&nanoseconds[i], 0);
        atomic_store(&bytes[i], 0);
    }
    atomic_store(&enabled, on);
}

uint64_t bigs_stage_begin(void) {
    if (!atomic_load_explicit(&enabled, memory_order_relaxed)) return 0;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void bigs_stage_end(int stage, uint64_t begin, int threads, uint64_t moved) {
    if (begin == 0 || stage < 0 || stage >= BIGS_STAGES) return;
    uint64_t end = bigs_stage_begin();
    if (end == 0) return;
    atomic_fetch_add_explicit(
        &nanoseconds[stage], (end - begin) * (uint64_t)threads, memory_order_relaxed);
    atomic_fetch_add_explicit(&bytes[stage], moved, memory_order_relaxed);
}

uint64_t bigs_stage_nanoseconds(int stage) { return atomic_load(&nanoseconds[stage]); }

uint64_t bigs_stage_bytes(int stage) { return atomic_load(&bytes[stage]); }
