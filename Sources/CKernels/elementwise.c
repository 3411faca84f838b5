#include "CKernels.h"
#include "clones.h"

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
void bigs_add(const float *a, const float *b, float *output, size_t count) {
    for (size_t i = 0; i < count; i++) output[i] = a[i] + b[i];
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
