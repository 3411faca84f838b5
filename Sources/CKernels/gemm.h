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

/// The sums of one tile, [rows][BIGS_TILE_COLUMNS] in float32.
typedef float bigs_tile[BIGS_TILE_ROWS][BIGS_TILE_COLUMNS] __attribute__((aligned(64)));

/// Cache lines to bring in while a tile is summed: those of the weights that come next.
typedef struct bigs_prefetch {
    const char *from;
    size_t lines;
} bigs_prefetch;

/// Bias, activation, product, sum and rounding of a tile's first `rows` rows, which are rows
/// `row` and on of the product, from column `column` on.
void bigs_finish_tile(
    const bigs_product *product, bigs_tile tile, size_t rows, size_t row, size_t column);

#endif
