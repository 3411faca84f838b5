// The product of one element type by the matrix unit (AMX), included once for each, with
//   SUFFIX          what the functions are called by
//   GROUP           how many rows of the weights lie together in one 32-bit lane
//   MULTIPLY        tile += tile of inputs * tile of weights
//   TO_FLOAT(sums, product, row, column)  the 64 sums of a row as float32, in place
// A tile is 16 rows of 64 bytes: of inputs 16 rows, of weights 16 lane groups of 16 columns as they lie
// in a panel. Every element is summed in one tile, 16 lane groups after the other and these always in
// the same order, so its bits depend neither on how many rows there are nor on where its row lies.
#include "gemm.h"

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)

/// Ends some of the rows that wait.
BIGS_AMX static inline __attribute__((always_inline)) void JOIN(end_rows_, SUFFIX)(
    bigs_waiting *waiting, size_t some) {
    size_t rows = waiting->rows < some ? waiting->rows : some;
    if (rows == 0) return;
    for (size_t r = 0; r < rows; r++)
        TO_FLOAT(waiting->sums[r], waiting->product, waiting->row + r, waiting->column);
    waiting->finish(
        waiting->product, (const float (*)[BIGS_TILE_COLUMNS])waiting->sums, rows, waiting->row,
        waiting->column);
    waiting->sums += rows;
    waiting->row += rows;
    waiting->rows -= rows;
}

/// 16 lane groups: their products are added to 4 tiles of sums, of 32 rows and 32 columns.
#define TILE_STEP(input, stride, weights)                                                         \
    _tile_loadd(6, weights, BIGS_STEP_BYTES);                                                     \
    _tile_loadd(4, input, stride);                                                                \
    MULTIPLY(0, 4, 6);                                                                            \
    _tile_loadd(7, (weights) + 64, BIGS_STEP_BYTES);                                              \
    MULTIPLY(1, 4, 7);                                                                            \
    if (is_tall) {                                                                                \
        _tile_loadd(5, (input) + 16 * (stride), stride);                                          \
        MULTIPLY(2, 5, 6);                                                                        \
        MULTIPLY(3, 5, 7);                                                                        \
    }

/// The sums of up to 32 rows and 32 columns. The inner index has `steps` lane groups that fill tiles,
/// and what is left of it, or NULL, filled up with zeros. While the unit multiplies, the vectors end
/// `share` of the waiting rows for every 16 lane groups.
BIGS_AMX static void JOIN(sum_tiles_, SUFFIX)(
    const uint8_t *input, size_t stride, const uint8_t *weights, size_t steps,
    const uint8_t *last_input, const uint8_t *last_weights, size_t rows, bigs_prefetch *ahead,
    bigs_waiting *waiting, size_t share, float *sums) {
    enum { ROW = BIGS_TILE_COLUMNS * sizeof(float) };
    const int is_tall = rows > 16;
    _tile_zero(0);
    _tile_zero(1);
    if (is_tall) {
        _tile_zero(2);
        _tile_zero(3);
    }
    for (size_t k = 0; k < steps; k += 16) {
        TILE_STEP(input + 4 * k, stride, weights + BIGS_STEP_BYTES * k)
        for (size_t i = 0; i < BIGS_LINES_AHEAD && ahead->lines > 0; i++, ahead->lines--) {
            _mm_prefetch(ahead->from, _MM_HINT_T1);
            ahead->from += 64;
        }
        JOIN(end_rows_, SUFFIX)(waiting, share);
    }
    if (last_input) { TILE_STEP(last_input, 64, last_weights) }
    _tile_stored(0, sums, ROW);
    _tile_stored(1, sums + 16, ROW);
    if (is_tall) {
        _tile_stored(2, sums + 16 * BIGS_TILE_COLUMNS, ROW);
        _tile_stored(3, sums + 16 * BIGS_TILE_COLUMNS + 16, ROW);
    }
}

BIGS_AMX void JOIN(bigs_tiles_, SUFFIX)(
    const bigs_product *product, size_t first_row, size_t rows, size_t first_panel, size_t panels,
    const void *next) {
    const size_t steps = (product->inner + GROUP - 1) / GROUP, whole = steps / 16 * 16;
    const size_t panel_bytes = steps * BIGS_STEP_BYTES, stride = product->input_stride;
    // Blocks of nearly equal height, the taller ones first: tiles are shaped anew twice a panel at most.
    const size_t blocks = (rows + BIGS_BLOCK_ROWS - 1) / BIGS_BLOCK_ROWS;
    const size_t share = whole > 0 ? (BIGS_BLOCK_ROWS + whole / 8 - 1) / (whole / 8) : 0;
    uint8_t last_input[BIGS_BLOCK_ROWS][64] __attribute__((aligned(64)));
    uint8_t last_weights[16][BIGS_STEP_BYTES] __attribute__((aligned(64)));
    if (whole < steps) {
        memset(last_input, 0, sizeof last_input);
        memset(last_weights, 0, sizeof last_weights);
    }
    float sums[2][BIGS_BLOCK_ROWS][BIGS_TILE_COLUMNS] __attribute__((aligned(64)));
    bigs_waiting waiting = {.product = product, .finish = bigs_finish_of(product)};
    size_t shaped = 0, turn = 0;
    for (size_t p = first_panel; p < first_panel + panels; p++) {
        const uint8_t *weights = (const uint8_t *)product->weights + p * panel_bytes;
        bigs_prefetch ahead = {(const char *)next, panel_bytes / 64};
        if (p + 1 < first_panel + panels) ahead.from = (const char *)weights + panel_bytes;
        if (!ahead.from) ahead.lines = 0;
        if (whole < steps)
            memcpy(
                last_weights, weights + whole * BIGS_STEP_BYTES, (steps - whole) * BIGS_STEP_BYTES);
        size_t row = first_row;
        for (size_t b = 0; b < blocks; b++, turn ^= 1) {
            const size_t height = rows / blocks + (b < rows % blocks);
            const uint8_t *input = (const uint8_t *)product->input + row * stride;
            if (shaped != height) bigs_shape_tiles(shaped = height);
            if (whole < steps)
                for (size_t r = 0; r < height; r++)
                    memcpy(last_input[r], input + r * stride + 4 * whole, 4 * (steps - whole));
            for (size_t half = 0; half < 2; half++)
                JOIN(sum_tiles_, SUFFIX)(
                    input, stride, weights + 128 * half, whole, whole < steps ? last_input[0] : NULL,
                    last_weights[0] + 128 * half, height, &ahead, &waiting, share,
                    sums[turn][0] + 32 * half);
            JOIN(end_rows_, SUFFIX)(&waiting, BIGS_BLOCK_ROWS);
            waiting.sums = sums[turn];
            waiting.rows = height;
            waiting.row = row;
            waiting.column = p * BIGS_TILE_COLUMNS;
            row += height;
        }
    }
    JOIN(end_rows_, SUFFIX)(&waiting, BIGS_BLOCK_ROWS);
    _tile_release();
}
