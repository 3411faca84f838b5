#pragma once
// What the products of the three element types share. Not part of the module's interface.
#include "CKernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

// Rows and columns of the tile whose sums are kept in registers: 6 x 4 vectors of 16.
#define BIGS_TILE_ROWS 6
#define BIGS_TILE_COLUMNS BIGS_PANEL_COLUMNS
#define BIGS_UNROLL _Pragma("clang loop unroll(full)")
#define BIGS_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,fma")))

/// Where rows are of bfloat16 the processor multiplies it.
#define BIGS_BFLOAT16                                                                             \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,fma,avx512bf16")))

/// The sums of one tile, [rows][BIGS_TILE_COLUMNS] in float32.
typedef float bigs_tile[BIGS_TILE_ROWS][BIGS_TILE_COLUMNS] __attribute__((aligned(64)));

/// Cache lines to bring in while a tile is summed: those of the weights that come next.
typedef struct bigs_prefetch {
    const char *from;
    size_t lines;
} bigs_prefetch;

/// Bias, activation, product, sum and rounding of `rows` rows of sums, which are rows `row` and on of the
/// product, from column `column` on.
typedef void (*bigs_finish)(
    const bigs_product *product, const float (*sums)[BIGS_TILE_COLUMNS], size_t rows, size_t row,
    size_t column);

/// Where the matrix unit multiplies.
#define BIGS_AMX                                                                                  \
    __attribute__((target(                                                                        \
        "amx-tile,amx-bf16,amx-int8,avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,fma")))

/// Shapes the tiles for blocks of so many rows: 0 to 3 sums, 4 and 5 inputs, 6 and 7 weights.
void bigs_shape_tiles(size_t rows);

/// What a product ends with.
bigs_finish bigs_finish_of(const bigs_product *product);

/// 16 sums of 8 bits' products at float32: (sum over k of (x - zero) w) scale_x scale_w; the zero's part
/// comes off by the column's sum.
BIGS_AVX512 static inline __attribute__((always_inline)) void bigs_dequantize(
    float *at, __m512i sums, const bigs_product *product, size_t row, size_t column) {
    __m512i zero = _mm512_set1_epi32(product->zeros[row]);
    __m512i offset =
        _mm512_mullo_epi32(zero, _mm512_loadu_si512(product->column_sums + column));
    __m512 scale = _mm512_mul_ps(
        _mm512_set1_ps(product->scales[row]), _mm512_loadu_ps(product->column_scales + column));
    _mm512_store_ps(
        at, _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_sub_epi32(sums, offset)), scale));
}

#endif
