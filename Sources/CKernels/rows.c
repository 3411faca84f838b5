#include "blocks.h"

#include <math.h>

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
    bigs_f16 squares[ROWS] = {0};
    for (size_t c = 0; c < whole; c += LANES)
        for (int r = 0; r < rows; r++) {
            bigs_f16 d = *(const bigs_f16 *)(x + r * columns + c) - mean[r];
            squares[r] += d * d;
        }
    for (int r = 0; r < rows; r++) {
        float variance = sum_lanes(&squares[r]);
        for (size_t c = whole; c < columns; c++) {
            float d = x[r * columns + c] - mean[r];
            variance += d * d;
        }
        scale[r] = 1 / sqrtf(variance / (float)columns + epsilon);
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

BIGS_CLONES
void bigs_quantize_rows(
    const uint16_t *input, size_t input_stride, size_t rows, size_t columns, uint8_t *output,
    size_t output_stride, float *scales, int32_t *zeros) {
    for (size_t r = 0; r < rows; r++) {
        const uint16_t *x = (const uint16_t *)((const char *)input + r * input_stride);
        uint8_t *y = output + r * output_stride;
        float low[LANES] = {0}, high[LANES] = {0}, check[LANES] = {0};
        size_t c = 0;
        for (; c + LANES <= columns; c += LANES)
            for (int i = 0; i < LANES; i++) {
                uint32_t bits = (uint32_t)x[c + i] << 16;
                float value;
                memcpy(&value, &bits, 4);
                low[i] = value < low[i] ? value : low[i];
                high[i] = value > high[i] ? value : high[i];
                check[i] += value * 0;
            }
        for (; c < columns; c++) {
            uint32_t bits = (uint32_t)x[c] << 16;
            float value;
            memcpy(&value, &bits, 4);
            low[0] = value < low[0] ? value : low[0];
            high[0] = value > high[0] ? value : high[0];
            check[0] += value * 0;
        }
        for (int i = 1; i < LANES; i++) {
            low[0] = low[i] < low[0] ? low[i] : low[0];
            high[0] = high[i] > high[0] ? high[i] : high[0];
            check[0] += check[i];
        }
        float range = high[0] - low[0];
        float scale = range > 0 ? range / 255 : 1;
        float inverse = 1 / scale;
        // Adding 1.5 * 2^23 rounds to a whole number and leaves it in the lowest bits.
        const float magic = 12582912.0f;
        float zero = (-low[0] * inverse + magic) - magic;
        // What is not finite makes the whole row not a number: bytes could not show it.
        scales[r] = scale + check[0];
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
