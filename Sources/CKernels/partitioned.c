#include "fourier.h"

#include <math.h>
#include <stdlib.h>

#define GROUP 4
#define NUMBER (2 * LANES)

bigs_fourier *bigs_fourier_create(size_t size) {
    bigs_fourier *plan = calloc(1, sizeof *plan);
    if (!plan) return NULL;
    plan->size = size;
    size_t span = size;
    while (span > 1 && plan->passes < BIGS_MAXIMUM_PASSES) {
        // Powers of 8, after as many 4s as make the rest one.
        int bits = __builtin_ctzl(span);
        int radix = bits % 3 == 0 ? 8 : 4;
        float *factors = malloc(sizeof(float) * 2 * (radix - 1) * (span / radix));
        if (!factors) break;
        for (size_t j = 0; j < span / radix; j++)
            for (int q = 1; q < radix; q++) {
                double angle = -2 * M_PI * (double)(j * q) / (double)span;
                factors[2 * (j * (radix - 1) + q - 1)] = (float)cos(angle);
                factors[2 * (j * (radix - 1) + q - 1) + 1] = (float)sin(angle);
            }
        plan->radices[plan->passes] = radix;
        plan->factors[plan->passes++] = factors;
        span /= radix;
    }
    plan->twist = malloc(sizeof(float) * 2 * size);
    if (span > 1 || !plan->twist) {
        bigs_fourier_destroy(plan);
        return NULL;
    }
    for (size_t t = 0; t < size; t++) {
        plan->twist[2 * t] = (float)cos(-M_PI * (double)t / (double)size);
        plan->twist[2 * t + 1] = (float)sin(-M_PI * (double)t / (double)size);
    }
    return plan;
}

void bigs_fourier_destroy(bigs_fourier *plan) {
    if (!plan) return;
    for (int i = 0; i < plan->passes; i++) free(plan->factors[i]);
    free(plan->twist);
    free(plan);
}

size_t bigs_partitioned_row(size_t blocks) { return 2 * (blocks + 2 * (GROUP - 1)); }

size_t bigs_partitioned_work(size_t size, size_t blocks) {
    // Not a power of two between frequencies: their blocks would compete for the same cache lines.
    return 2 * size * NUMBER + 2 * size * (blocks * NUMBER + LANES);
}

/// Reads block `block` of `plan->size` rows to `even`, and times the twist to `odd`.
INLINE void read_block(
    const bigs_fourier *plan, bigs_type type, const char *input, size_t stride, size_t rows,
    size_t channels, float *even, float *odd) {
    size_t t = 0;
    for (; t < rows; t++) {
        bigs_complex x;
        const char *row = input + t * stride;
        __builtin_prefetch(row + 16 * stride);
        load_row(type, row, channels, &x);
        store_complex(even + t * NUMBER, &x);
        rotate(&x, plan->twist + 2 * t, 0);
        store_complex(odd + t * NUMBER, &x);
    }
    memset(even + t * NUMBER, 0, (plan->size - t) * NUMBER * sizeof(float));
    memset(odd + t * NUMBER, 0, (plan->size - t) * NUMBER * sizeof(float));
}

INLINE void write_block(
    const bigs_fourier *plan, bigs_type type, const float *even, const float *odd, char *output,
    size_t stride, size_t rows, size_t channels) {
    for (size_t t = 0; t < rows; t++) {
        bigs_complex x, y;
        load_complex(even + t * NUMBER, &x);
        load_complex(odd + t * NUMBER, &y);
        rotate(&y, plan->twist + 2 * t, 1);
        x.re += y.re, x.im += y.im;
        store_row(type, output + t * stride, channels, &x);
    }
}

/// For one frequency, in place: x[j] = sum over i <= j of kernel[j - i] x[i]. From the last group of
/// outputs to the first, so that inputs are still there.
INLINE void convolve_blocks(float *x, size_t blocks, const float *kernel, size_t segments) {
    const float *k = kernel + 2 * (GROUP - 1);
    size_t groups = (blocks + GROUP - 1) / GROUP;
    while (groups-- > 0) {
        size_t j = groups * GROUP;
        size_t i = j >= segments ? j - segments + 1 : 0;
        size_t end = j + GROUP < blocks ? j + GROUP : blocks;
        bigs_complex sums[GROUP] = {0};
        for (; i < end; i++) {
            bigs_complex value;
            load_complex(x + i * NUMBER, &value);
            const float *factors = k + 2 * ((ptrdiff_t)j - (ptrdiff_t)i);
            UNROLL for (int g = 0; g < GROUP; g++) {
                float re = factors[2 * g], im = factors[2 * g + 1];
                sums[g].re += value.re * re;
                sums[g].im += value.im * re;
                sums[g].re -= value.im * im;
                sums[g].im += value.re * im;
            }
        }
        for (size_t g = 0; g < end - j; g++) store_complex(x + (j + g) * NUMBER, &sums[g]);
    }
}

BIGS_CLONES
void bigs_partitioned(
    const bigs_fourier *plan, const float *spectrum, size_t row_floats, size_t segments,
    bigs_type type, const void *input, void *output, size_t stride, size_t length,
    size_t channels, int backward, float *work) {
    const size_t size = plan->size, blocks = (length + size - 1) / size;
    const size_t spacing = blocks * NUMBER + LANES;
    float *even = work, *odd = work + size * NUMBER, *x = work + 2 * size * NUMBER;
    for (size_t i = 0; i < blocks; i++) {
        // Backward, the last block comes first.
        size_t start = (backward ? blocks - 1 - i : i) * size;
        size_t rows = length - start < size ? length - start : size;
        read_block(
            plan, type, (const char *)input + start * stride, stride, rows, channels, even, odd);
        fourier_forward(plan, even, x + i * NUMBER, spacing);
        fourier_forward(plan, odd, x + size * spacing + i * NUMBER, spacing);
    }
    for (size_t f = 0; f < 2 * size; f++)
        convolve_blocks(x + f * spacing, blocks, spectrum + f * row_floats, segments);
    for (size_t i = 0; i < blocks; i++) {
        size_t start = (backward ? blocks - 1 - i : i) * size;
        size_t rows = length - start < size ? length - start : size;
        fourier_inverse(plan, x + i * NUMBER, spacing, even);
        fourier_inverse(plan, x + size * spacing + i * NUMBER, spacing, odd);
        write_block(
            plan, type, even, odd, (char *)output + start * stride, stride, rows, channels);
    }
}

BIGS_CLONES
void bigs_partitioned_spectrum(
    const bigs_fourier *plan, const float *kernel, size_t length, size_t segments, float first,
    int backward, float *spectrum, size_t row_floats, float *work) {
    const size_t size = plan->size;
    const float scale = 1 / (float)(2 * size);
    float *even = work, *odd = work + size * NUMBER;
    memset(spectrum, 0, 2 * size * row_floats * sizeof(float));
    // 16 segments at a time, as the real parts of 16 signals.
    for (size_t base = 0; base < segments; base += LANES) {
        for (size_t t = 0; t < size; t++) {
            bigs_complex sum = {0}, difference = {0};
            for (size_t lane = 0; lane < LANES && base + lane < segments; lane++) {
                // Lag t, and lag t - size: those of the second half of a period.
                size_t lag = (base + lane) * size + t;
                float near = lag < length ? kernel[lag] : 0;
                if (lag == 0) near += first;
                float far = lag >= size && lag - size < length && t ? kernel[lag - size] : 0;
                if (lag == size && t) far += first;
                sum.re[lane] = (near + far) * scale;
                difference.re[lane] = (near - far) * scale;
            }
            store_complex(even + t * NUMBER, &sum);
            rotate(&difference, plan->twist + 2 * t, 0);
            store_complex(odd + t * NUMBER, &difference);
        }
        fourier_forward(plan, even, even, NUMBER);
        fourier_forward(plan, odd, odd, NUMBER);
        for (size_t f = 0; f < 2 * size; f++)
            for (size_t lane = 0; lane < LANES && base + lane < segments; lane++) {
                const float *from = even + f * NUMBER;
                float *to = spectrum + f * row_floats + 2 * (GROUP - 1 + base + lane);
                to[0] = from[lane];
                to[1] = backward ? -from[LANES + lane] : from[LANES + lane];
            }
    }
}
