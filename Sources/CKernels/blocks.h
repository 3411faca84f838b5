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

/// Reads a row's `channels` <= 32 numbers, zeros after them.
INLINE void load_row(bigs_type type, const char *row, size_t channels, bigs_complex *to) {
    if (channels == 2 * LANES && type == bigs_bfloat16) {
        widen_16((const uint16_t *)row, &to->re);
        widen_16((const uint16_t *)row + LANES, &to->im);
    } else if (channels == 2 * LANES) {
        to->re = *(const bigs_f16 *)row;
        to->im = *(const bigs_f16 *)((const float *)row + LANES);
    } else if (type == bigs_bfloat16) {
        uint16_t values[2 * LANES] = {0};
        memcpy(values, row, channels * sizeof(uint16_t));
        widen_16(values, &to->re);
        widen_16(values + LANES, &to->im);
    } else {
        float values[2 * LANES] = {0};
        memcpy(values, row, channels * sizeof(float));
        to->re = *(const bigs_f16 *)values;
        to->im = *(const bigs_f16 *)(values + LANES);
    }
}

/// Writes a row's `channels` <= 32 numbers.
INLINE void store_row(bigs_type type, char *row, size_t channels, const bigs_complex *from) {
    if (type == bigs_bfloat16) {
        uint16_t values[2 * LANES];
        uint16_t *to = channels == 2 * LANES ? (uint16_t *)row : values;
        narrow_16(&from->re, to);
        narrow_16(&from->im, to + LANES);
        if (to == values) memcpy(row, values, channels * sizeof(uint16_t));
    } else {
        memcpy(row, from, channels * sizeof(float));
    }
}
