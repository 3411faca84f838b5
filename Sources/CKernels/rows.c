#include "blocks.h"

#include <math.h>
#include <stdbool.h>

#define STRIP 64

// The order of every sum is fixed by the source (16 lanes, then the lanes in order), so that a row
// gives the same bits wherever it lies.
static inline __attribute__((always_inline)) float sum_lanes(const bigs_f16 *v) {
    float total = 0;
    for (int i = 0; i < LANES; i++) total += (*v)[i];
    return total;
}

/// Rows that are normalised together: one's sums would wait for each other.
#define ROWS 4

INLINE void normalize(
    const int rows, const bigs_type type, const float *x, char *y, size_t stride, size_t columns,
    const float *weight, const float *bias, float epsilon) {
    const size_t whole = columns / LANES * LANES;
    bigs_f16 sums[ROWS] = {0};
    float mean[ROWS], scale[ROWS];
    for (size_t c = 0; c < whole; c += LANES)
        for (int r = 0; r < rows; r++) sums[r] += *(const bigs_f16 *)(x + r * columns + c);
    for (int r = 0; r < rows; r++) {
        float total = sum_lanes(&sums[r]);
        for (size_t c = whole; c < columns; c++) total += x[r * columns + c];
        mean[r] = total / (float)columns;
    }
    // The mean is rounded. Where all numbers are nearly the same, that is as large as their differences,
    // so what is left of it is taken off, too.
    bigs_f16 squares[ROWS] = {0}, rests[ROWS] = {0};
    for (size_t c = 0; c < whole; c += LANES)
        for (int r = 0; r < rows; r++) {
            bigs_f16 d = *(const bigs_f16 *)(x + r * columns + c) - mean[r];
            squares[r] += d * d;
            rests[r] += d;
        }
    for (int r = 0; r < rows; r++) {
        float variance = sum_lanes(&squares[r]), rest = sum_lanes(&rests[r]);
        for (size_t c = whole; c < columns; c++) {
            float d = x[r * columns + c] - mean[r];
            variance += d * d;
            rest += d;
        }
        rest /= (float)columns;
        variance = variance / (float)columns - rest * rest;
        mean[r] += rest;
        scale[r] = 1 / sqrtf((variance > 0 ? variance : 0) + epsilon);
    }
    for (int r = 0; r < rows; r++)
        for (size_t c = 0; c < whole; c += LANES) {
            bigs_f16 d = (*(const bigs_f16 *)(x + r * columns + c) - mean[r]) * scale[r];
            d = d * *(const bigs_f16 *)(weight + c) + *(const bigs_f16 *)(bias + c);
            store_16(type, y + r * stride + c * size_of(type), LANES, &d);
        }
    if (whole == columns) return;
    for (int r = 0; r < rows; r++) {
        float rest[LANES];
        for (size_t c = whole; c < columns; c++)
            rest[c - whole] =
                (x[r * columns + c] - mean[r]) * scale[r] * weight[c] + bias[c];
        store_16(
            type, y + r * stride + whole * size_of(type), columns - whole,
            (const bigs_f16 *)rest);
    }
}

INLINE void normalize_all(
    const bigs_type type, const float *input, char *output, size_t stride, size_t rows,
    size_t columns, const float *weight, const float *bias, float epsilon) {
    size_t r = 0;
    for (; r + ROWS <= rows; r += ROWS)
        normalize(
            ROWS, type, input + r * columns, output + r * stride, stride, columns, weight, bias,
            epsilon);
    for (; r < rows; r++)
        normalize(
            1, type, input + r * columns, output + r * stride, stride, columns, weight, bias,
            epsilon);
}

BIGS_CLONES
void bigs_layer_norm(
    bigs_type type, const float *input, void *output, size_t stride, size_t rows, size_t columns,
    const float *weight, const float *bias, float epsilon) {
    if (type == bigs_bfloat16)
        normalize_all(
            bigs_bfloat16, input, output, stride, rows, columns, weight, bias, epsilon);
    else
        normalize_all(
            bigs_float32, input, output, stride, rows, columns, weight, bias, epsilon);
}

BIGS_CLONES
void bigs_narrow(const float *restrict input, uint16_t *restrict output, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, input + i, 4);
        uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
        output[i] = (uint16_t)(input[i] == input[i] ? rounded : (bits >> 16) | 0x40);
    }
}

BIGS_CLONES
void bigs_widen(const uint16_t *restrict input, float *restrict output, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = (uint32_t)input[i] << 16;
        memcpy(output + i, &bits, 4);
    }
}

// The bits of a bfloat16 as an integer in the order of the numbers: what is negative downwards. Infinity
// is 0x7f80, and what is not a number lies beyond it or beyond its opposite. Its own inverse.
INLINE int16_t ordered(uint16_t bits) {
    int16_t x = (int16_t)bits;
    return (int16_t)(x ^ ((x >> 15) & 0x7fff));
}

INLINE float bfloat16_of_ordered(int16_t x) {
    uint32_t bits = (uint32_t)(uint16_t)ordered((uint16_t)x) << 16;
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

BIGS_CLONES
void bigs_quantize_rows(
    const uint16_t *input, size_t input_stride, size_t rows, size_t columns, uint8_t *output,
    size_t output_stride, float *scales, int32_t *zeros) {
    enum { WIDTH = 32 };
    for (size_t r = 0; r < rows; r++) {
        const uint16_t *x = (const uint16_t *)((const char *)input + r * input_stride);
        uint8_t *y = output + r * output_stride;
        int16_t least[WIDTH] = {0}, most[WIDTH] = {0};
        size_t c = 0;
        for (; c + WIDTH <= columns; c += WIDTH)
            for (int i = 0; i < WIDTH; i++) {
                int16_t value = ordered(x[c + i]);
                least[i] = value < least[i] ? value : least[i];
                most[i] = value > most[i] ? value : most[i];
            }
        for (; c < columns; c++) {
            int16_t value = ordered(x[c]);
            least[0] = value < least[0] ? value : least[0];
            most[0] = value > most[0] ? value : most[0];
        }
        for (int half = WIDTH / 2; half; half /= 2)
            for (int i = 0; i < half; i++) {
                least[i] = least[i + half] < least[i] ? least[i + half] : least[i];
                most[i] = most[i + half] > most[i] ? most[i + half] : most[i];
            }
        bool is_finite = most[0] < 0x7f80 && least[0] > -0x7f81;
        float low = is_finite ? bfloat16_of_ordered(least[0]) : 0;
        float range = is_finite ? bfloat16_of_ordered(most[0]) - low : 0;
        // Below, the inverse is not finite: such numbers are 0.
        float scale = range >= 1e-36f ? range / 255 : 1;
        float inverse = 1 / scale;
        // Adding 1.5 * 2^23 rounds to a whole number and leaves it in the lowest bits.
        const float magic = 12582912.0f;
        float zero = (-low * inverse + magic) - magic;
        // What is not finite makes the whole row not a number: bytes could not show it.
        scales[r] = is_finite ? scale : NAN;
        zeros[r] = (int32_t)zero;
        for (c = 0; c < columns; c++) {
            uint32_t bits = (uint32_t)x[c] << 16;
            float value;
            memcpy(&value, &bits, 4);
            float q = value * inverse + zero;
            q = q < 0 ? 0 : q > 255 ? 255 : q;
            q += magic;
            memcpy(&bits, &q, 4);
            y[c] = (uint8_t)bits;
        }
    }
}

BIGS_CLONES
void bigs_weighted_mean(
    const float *input, size_t stride, size_t rows, size_t columns, const int32_t *weights,
    float *output) {
    for (size_t start = 0; start < columns; start += STRIP) {
        size_t width = columns - start < STRIP ? columns - start : STRIP;
        double sums[STRIP] = {0}, divisor = 0;
        for (size_t r = 0; r < rows; r++) {
            const float *x = input + r * stride + start;
            double w = weights ? (double)(float)weights[r] : 1.0;
            divisor += w;
            for (size_t c = 0; c < width; c++) sums[c] += w * (double)x[c];
        }
        for (size_t c = 0; c < width; c++) output[start + c] = (float)(sums[c] / divisor);
    }
}
