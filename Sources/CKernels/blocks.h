#pragma once
// A block of channels between memory, where rows lie a stride apart in either type, and vectors.
// Functions here take vectors by address: by value, their registers would depend on the clone.
#include "CKernels.h"
#include "clones.h"

#include <string.h>

#define LANES 16
#define INLINE static inline __attribute__((always_inline))

typedef uint16_t bigs_u16 __attribute__((vector_size(32), aligned(2)));
typedef uint32_t bigs_u32 __attribute__((vector_size(64), aligned(4)));

/// A complex number of each of 16 pairs of channels; in memory 32 floats.
typedef struct bigs_complex {
    bigs_f16 re, im;
} bigs_complex;

INLINE void widen_16(const uint16_t *from, bigs_f16 *to) {
    bigs_u32 bits = __builtin_convertvector(*(const bigs_u16 *)from, bigs_u32) << 16;
    memcpy(to, &bits, sizeof bits);
}

/// To nearest, ties to even; what is not a number stays so.
INLINE void narrow_16(const bigs_f16 *from, uint16_t *to) {
    bigs_u32 bits;
    memcpy(&bits, from, sizeof bits);
    bigs_u32 number = (bigs_u32)(*from == *from);
    bigs_u32 rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    bits = (rounded & number) | (((bits >> 16) | 0x40) & ~number);
    *(bigs_u16 *)to = __builtin_convertvector(bits, bigs_u16);
}

INLINE size_t size_of(bigs_type type) {
    return type == bigs_bfloat16 ? sizeof(uint16_t) : sizeof(float);
}

/// Reads `channels` <= 16 numbers, zeros after them.
INLINE void load_16(bigs_type type, const char *from, size_t channels, bigs_f16 *to) {
    if (channels < LANES) {
        uint32_t values[LANES] = {0};
        memcpy(values, from, channels * size_of(type));
        if (type == bigs_bfloat16)
            widen_16((const uint16_t *)values, to);
        else
            memcpy(to, values, sizeof values);
    } else if (type == bigs_bfloat16) {
        widen_16((const uint16_t *)from, to);
    } else {
        *to = *(const bigs_f16 *)from;
    }
}

/// Writes `channels` <= 16 numbers.
INLINE void store_16(bigs_type type, char *to, size_t channels, const bigs_f16 *from) {
    if (type == bigs_bfloat16 && channels < LANES) {
        uint16_t values[LANES];
        narrow_16(from, values);
        memcpy(to, values, channels * sizeof(uint16_t));
    } else if (type == bigs_bfloat16) {
        narrow_16(from, (uint16_t *)to);
    } else {
        memcpy(to, from, channels * sizeof(float));
    }
}
