#include "CKernels.h"
#include "clones.h"

#include <string.h>

BIGS_CLONES
void bigs_multiply_spectrum(float *restrict spectrum, const float *restrict factor, size_t count) {
    for (size_t i = 0; i < count; i++) {
        float re = spectrum[2 * i], im = spectrum[2 * i + 1];
        float a = factor[2 * i], b = factor[2 * i + 1];
        spectrum[2 * i] = re * a - im * b;
        spectrum[2 * i + 1] = re * b + im * a;
    }
}

BIGS_CLONES
void bigs_gather_sum(
    const bigs_lookup *lookups, size_t count, size_t first, size_t rows, size_t columns,
    float *output) {
    for (size_t r = first; r < first + rows; r++) {
        float *restrict y = output + r * columns;
        memcpy(y, lookups->table + (size_t)lookups->rows[r] * columns, columns * sizeof(float));
        for (size_t i = 1; i < count; i++) {
            const float *restrict x = lookups[i].table + (size_t)lookups[i].rows[r] * columns;
            for (size_t c = 0; c < columns; c++) y[c] += x[c];
        }
    }
}

BIGS_CLONES
void bigs_combine(
    const float *tile, size_t tile_stride, const float *multiplier, const float *addend,
    float *output, size_t output_stride, size_t rows, size_t columns) {
    for (size_t r = 0; r < rows; r++) {
        const float *t = tile + r * tile_stride;
        const float *m = multiplier ? multiplier + r * output_stride : NULL;
        const float *a = addend ? addend + r * output_stride : NULL;
        float *y = output + r * output_stride;
        if (m && a)
            for (size_t c = 0; c < columns; c++) y[c] = t[c] * m[c] + a[c];
        else if (m)
            for (size_t c = 0; c < columns; c++) y[c] = t[c] * m[c];
        else if (a)
            for (size_t c = 0; c < columns; c++) y[c] = t[c] + a[c];
        else
            for (size_t c = 0; c < columns; c++) y[c] = t[c];
    }
}
