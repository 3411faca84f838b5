// The product of one element type, included once for each, with
//   SUFFIX      what the functions are called by
//   TARGET      the instructions they may use
//   GROUP       how many rows of the weights lie together in one 32-bit lane
//   SUM, ZERO   the vector of sums, and the empty one
//   STEP(s, w, x)  s + the products of a lane group of weights and of inputs
//   STORE(at, s, product, row, column)  the sums as float32
// Every element's sum is made in the order of the inner index in one register, so its bits depend
// neither on how many rows there are nor on where its row lies.
#include "gemm.h"

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)

#define TILE(rows_)                                                                               \
    TARGET static void JOIN(JOIN(tile_, SUFFIX), rows_)(                                          \
        const bigs_product *product, const uint8_t *input, const uint8_t *weights,                \
        size_t steps, bigs_prefetch ahead, bigs_tile tile, size_t row, size_t column) {           \
        SUM sums[rows_][4];                                                                       \
        BIGS_UNROLL for (int i = 0; i < rows_; i++) {                                             \
            BIGS_UNROLL for (int v = 0; v < 4; v++) sums[i][v] = ZERO;                            \
        }                                                                                         \
        const size_t stride = product->input_stride;                                              \
        const size_t guided = ahead.lines < steps ? ahead.lines : steps;                          \
        size_t k = 0;                                                                             \
        for (; k < guided; k++) {                                                                 \
            _mm_prefetch(ahead.from + 64 * k, _MM_HINT_T1);                                       \
            ONE_STEP(rows_)                                                                       \
        }                                                                                         \
        for (; k < steps; k++) { ONE_STEP(rows_) }                                                \
        BIGS_UNROLL for (int i = 0; i < rows_; i++) {                                             \
            BIGS_UNROLL for (int v = 0; v < 4; v++)                                               \
                STORE(&tile[i][16 * v], sums[i][v], product, row + i, column + 16 * v);           \
        }                                                                                         \
    }

#define ONE_STEP(rows_)                                                                           \
    __m512i w[4];                                                                                 \
    BIGS_UNROLL for (int v = 0; v < 4; v++)                                                       \
        w[v] = _mm512_load_si512(weights + (4 * k + v) * 64);                                     \
    BIGS_UNROLL for (int i = 0; i < rows_; i++) {                                                 \
        int32_t lane;                                                                             \
        __builtin_memcpy(&lane, input + i * stride + 4 * k, 4);                                   \
        __m512i x = _mm512_set1_epi32(lane);                                                      \
        BIGS_UNROLL for (int v = 0; v < 4; v++) sums[i][v] = STEP(sums[i][v], w[v], x);           \
    }

TILE(1)
TILE(2)
TILE(3)
TILE(4)
TILE(5)
TILE(6)

TARGET void JOIN(bigs_product_, SUFFIX)(
    const bigs_product *product, size_t first_row, size_t rows, size_t first_panel, size_t panels,
    const void *next) {
    static void (*const tiles[])(
        const bigs_product *, const uint8_t *, const uint8_t *, size_t, bigs_prefetch, bigs_tile,
        size_t, size_t) = {
        0, JOIN(JOIN(tile_, SUFFIX), 1), JOIN(JOIN(tile_, SUFFIX), 2), JOIN(JOIN(tile_, SUFFIX), 3),
        JOIN(JOIN(tile_, SUFFIX), 4), JOIN(JOIN(tile_, SUFFIX), 5), JOIN(JOIN(tile_, SUFFIX), 6)};
    const size_t steps = (product->inner + GROUP - 1) / GROUP;
    const size_t panel_bytes = steps * 256;
    const bigs_finish finish = bigs_finish_of(product);
    // Blocks of nearly equal height: a last one of one or two rows would leave the units idle.
    const size_t blocks = (rows + BIGS_TILE_ROWS - 1) / BIGS_TILE_ROWS;
    const size_t lines = (panel_bytes / 64 + blocks - 1) / blocks;
    for (size_t p = first_panel; p < first_panel + panels; p++) {
        const uint8_t *weights = (const uint8_t *)product->weights + p * panel_bytes;
        const char *ahead = p + 1 < first_panel + panels ? (const char *)weights + panel_bytes
                                                         : (const char *)next;
        size_t row = first_row;
        for (size_t b = 0; b < blocks; b++) {
            size_t height = rows / blocks + (b < rows % blocks);
            bigs_tile tile;
            bigs_prefetch prefetch = {ahead + b * lines * 64, ahead ? lines : 0};
            tiles[height](
                product, (const uint8_t *)product->input + row * product->input_stride, weights,
                steps, prefetch, tile, row, p * BIGS_TILE_COLUMNS);
            finish(product, tile, height, row, p * BIGS_TILE_COLUMNS);
            row += height;
        }
    }
}
