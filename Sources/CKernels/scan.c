#include "CKernels.h"
#include "clones.h"

#include <math.h>
#include <stdlib.h>

#define STRIDE BIGS_SCAN_STRIDE

// Written so that compilers turn a strip into widening loads and multiply-adds of 16-bit pairs.
static inline __attribute__((always_inline)) int32_t dot_codes(
    const int8_t *codes, const int16_t *query, size_t stride) {
    int32_t sum = 0;
    for (size_t c = 0; c < stride; c += STRIDE)
        for (size_t i = 0; i < STRIDE; i++) sum += (int32_t)codes[c + i] * (int32_t)query[c + i];
    return sum;
}

BIGS_CLONES
void bigs_scan_codes(
    const int8_t *codes, size_t stride, size_t rows, const int16_t *query, int32_t *output) {
    for (size_t r = 0; r < rows; r++) {
        __builtin_prefetch(codes + (r + 8) * stride);
        output[r] = dot_codes(codes + r * stride, query, stride);
    }
}

BIGS_CLONES
void bigs_scan_codes_at(
    const int8_t *codes, size_t stride, const uint32_t *rows, size_t count, const int16_t *query,
    int32_t *output) {
    for (size_t r = 0; r < count; r++) {
        // A row is a few lines of the cache; the first calls the others in.
        if (r + 8 < count)
            for (size_t c = 0; c < stride; c += 64)
                __builtin_prefetch(codes + rows[r + 8] * stride + c);
        output[r] = dot_codes(codes + rows[r] * stride, query, stride);
    }
}

BIGS_CLONES
void bigs_quantize_row(
    const float *row, size_t columns, size_t stride, int8_t *codes, float *scale, double *norm,
    double *residual) {
    float largest = 0;
    for (size_t c = 0; c < columns; c++) {
        float magnitude = fabsf(row[c]);
        largest = magnitude > largest ? magnitude : largest;
    }
    // Below this a quotient would leave the range of numbers; the row is then all residual.
    float step = largest >= 1e-30f ? largest / 127.0f : 0;
    float inverse = step > 0 ? 1.0f / step : 0;
    double squares = 0, errors = 0;
    for (size_t c = 0; c < columns; c++) {
        float code = rintf(row[c] * inverse);
        code = code > 127 ? 127 : code < -127 ? -127 : code;
        codes[c] = (int8_t)code;
        double error = (double)row[c] - (double)step * (double)code;
        squares += (double)row[c] * (double)row[c];
        errors += error * error;
    }
    for (size_t c = columns; c < stride; c++) codes[c] = 0;
    *scale = step;
    *norm = sqrt(squares);
    *residual = sqrt(errors);
}

BIGS_CLONES
double bigs_dot_double(const float *a, const float *b, size_t columns) {
    // Eight sums in a fixed order: a pair of vectors gives the same bits wherever it lies.
    double sums[8] = {0};
    size_t whole = columns / 8 * 8;
    for (size_t c = 0; c < whole; c += 8)
        for (size_t i = 0; i < 8; i++) sums[i] += (double)a[c + i] * (double)b[c + i];
    double total = 0;
    for (size_t i = 0; i < 8; i++) total += sums[i];
    for (size_t c = whole; c < columns; c++) total += (double)a[c] * (double)b[c];
    return total;
}
