#include "blocks.h"

// A state space model read in chunks. Inside a chunk its kernel is a triangular Toeplitz matrix; what
// came before a chunk acts through 2 N real numbers a channel, the states. With t = exp(dt A),
// S the states before a chunk, and u its rows:
//     y[r] = sum over m <= r of k[r - m] u[m] + Re sum over n of weight_n t_n^(r + 1) S_n
//     S_n  = t_n^CHUNK S_n + sum over m of t_n^(CHUNK - 1 - m) u[m]
// Both are products with matrices that depend on the model alone, in tiles of ROWS rows by 32 channels
// that stay in registers. Backward, the same matrices are read from their other ends.

#define CHUNK BIGS_CHUNK
#define ROWS BIGS_CHUNK_PADDING
#define WIDTH (2 * LANES)

/// sums[i] += sum over m < count of a[i * row + m * column] x[m], for ROWS rows of 32 channels.
INLINE void add_product(
    bigs_f16 sums[ROWS][2], const float *a, ptrdiff_t row, ptrdiff_t column, const float *x,
    size_t count) {
    for (size_t m = 0; m < count; m++, a += column, x += WIDTH) {
        const bigs_f16 low = *(const bigs_f16 *)x, high = *(const bigs_f16 *)(x + LANES);
        for (int i = 0; i < ROWS; i++) {
            sums[i][0] += a[i * row] * low;
            sums[i][1] += a[i * row] * high;
        }
    }
}

INLINE size_t least(size_t a, size_t b) { return a < b ? a : b; }

/// Channels `part` * 16 and on, of those that there are.
INLINE size_t channels_of(size_t channels, int part) {
    const size_t before = (size_t)part * LANES;
    return channels > before ? least(channels - before, LANES) : 0;
}

/// Rows first ..< first + ROWS of a chunk of `rows`, to `output`, where they are of the chunk.
INLINE void read_chunk(
    const bigs_chunks *model, const float *u, const float *states, size_t first, size_t rows,
    bigs_type type, char *output, size_t stride, size_t channels, const int backward) {
    const size_t numbers = 2 * model->states;
    const ptrdiff_t row = backward ? -(ptrdiff_t)numbers : (ptrdiff_t)numbers;
    bigs_f16 sums[ROWS][2] = {0};
    if (backward)
        add_product(sums, model->lags, -1, 1, u + first * WIDTH, rows - first);
    else
        add_product(sums, model->lags + first, 1, -1, u, least(first + ROWS, rows));
    if (states) {
        const size_t read = backward ? rows - 1 - first : first;
        add_product(sums, model->reads + read * numbers, row, 1, states, numbers);
    }
    for (size_t i = 0; i < least(ROWS, rows - first); i++)
        for (int part = 0; part < 2; part++)
            store_16(
                type, output + (first + i) * stride + part * LANES * size_of(type),
                channels_of(channels, part), &sums[i][part]);
}

/// The states after a whole chunk, from those before it.
INLINE void write_states(
    const bigs_chunks *model, const float *u, float *states, const int backward) {
    for (size_t n = 0; n < 2 * model->states; n += ROWS) {
        bigs_f16 sums[ROWS][2];
        for (int i = 0; i < ROWS; i += 2) {
            const float *turn = model->turns + 2 * (n + i);
            for (int part = 0; part < 2; part++) {
                const float *place = states + (n + i) * WIDTH + part * LANES;
                const bigs_f16 re = *(const bigs_f16 *)place, im = *(const bigs_f16 *)(place + WIDTH);
                sums[i][part] = re * turn[0] - im * turn[1] + (re * turn[2] - im * turn[3]);
                sums[i + 1][part] = re * turn[1] + im * turn[0] + (re * turn[3] + im * turn[2]);
            }
        }
        const float *writes = model->writes + n * CHUNK;
        if (backward)
            add_product(sums, writes + CHUNK - 1, CHUNK, -1, u, CHUNK);
        else
            add_product(sums, writes, CHUNK, 1, u, CHUNK);
        for (int i = 0; i < ROWS; i++)
            for (int part = 0; part < 2; part++)
                *(bigs_f16 *)(states + (n + i) * WIDTH + part * LANES) = sums[i][part];
    }
}

INLINE void scan_chunks(
    const bigs_chunks *model, bigs_type type, char *data, size_t stride, size_t length,
    size_t channels, float *work, const int backward) {
    float *u = work, *states = work + CHUNK * WIDTH;
    memset(states, 0, 2 * model->states * WIDTH * sizeof(float));
    for (size_t done = 0; done < length; done += CHUNK) {
        const size_t rows = least(CHUNK, length - done);
        char *chunk = data + (backward ? length - done - rows : done) * stride;
        for (size_t r = 0; r < rows; r++)
            for (int part = 0; part < 2; part++) {
                bigs_f16 values;
                load_16(
                    type, chunk + r * stride + part * LANES * size_of(type),
                    channels_of(channels, part), &values);
                *(bigs_f16 *)(u + r * WIDTH + part * LANES) = values;
            }
        for (size_t first = 0; first < rows; first += ROWS)
            read_chunk(
                model, u, done ? states : NULL, first, rows, type, chunk, stride, channels, backward);
        if (done + rows < length) write_states(model, u, states, backward);
    }
}

size_t bigs_chunks_work(size_t states) { return WIDTH * (CHUNK + 2 * states); }

BIGS_CLONES
void bigs_scan_chunks(
    const bigs_chunks *model, bigs_type type, void *data, size_t stride, size_t length,
    size_t channels, int backward, float *work) {
    if (backward)
        scan_chunks(model, type, data, stride, length, channels, work, 1);
    else
        scan_chunks(model, type, data, stride, length, channels, work, 0);
}
