#include "CKernels.h"
#include "clones.h"

#include <math.h>
#include <string.h>

#define PANEL BIGS_PANEL_COLUMNS

static inline uint16_t to_bfloat16(float x) {
    uint32_t bits;
    memcpy(&bits, &x, 4);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return (uint16_t)((bits >> 16) | 0x40);
    return (uint16_t)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

size_t bigs_packed_bytes(bigs_type type, size_t inner, size_t columns) {
    size_t group = type == bigs_int8 ? 4 : type == bigs_bfloat16 ? 2 : 1;
    return (inner + group - 1) / group * 256 * ((columns + PANEL - 1) / PANEL);
}

// One column of a panel at a time would touch a new cache line for every number: the panel's part
// of the source is read along whichever axis is contiguous, 64 x 64 numbers at a time.
static void gather(
    const float *weight, size_t row_stride, size_t column_stride, size_t rows, size_t columns,
    float *block) {
    if (column_stride == 1) {
        for (size_t r = 0; r < rows; r++) {
            memcpy(block + r * PANEL, weight + r * row_stride, columns * sizeof(float));
            memset(block + r * PANEL + columns, 0, (PANEL - columns) * sizeof(float));
        }
        return;
    }
    for (size_t r = 0; r < rows; r++)
        memset(block + r * PANEL + columns, 0, (PANEL - columns) * sizeof(float));
    for (size_t start = 0; start < columns; start += 16)
        for (size_t r = 0; r < rows; r++)
            for (size_t c = start; c < start + 16 && c < columns; c++)
                block[r * PANEL + c] = weight[r * row_stride + c * column_stride];
}

BIGS_CLONES
static void pack_bfloat16(const float *block, size_t rows, uint16_t *panel) {
    for (size_t r = 0; r < rows; r += 2)
        for (size_t c = 0; c < PANEL; c++) {
            panel[r * PANEL + 2 * c] = to_bfloat16(block[r * PANEL + c]);
            panel[r * PANEL + 2 * c + 1] =
                r + 1 < rows ? to_bfloat16(block[(r + 1) * PANEL + c]) : 0;
        }
}

BIGS_CLONES
static void largest_of(const float *block, size_t rows, float *largest) {
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < PANEL; c++) {
            float size = fabsf(block[r * PANEL + c]);
            largest[c] = size > largest[c] ? size : largest[c];
        }
}

BIGS_CLONES
static void pack_int8(
    const float *block, size_t rows, const float *inverses, int8_t *panel, int32_t *sums) {
    // Adding 1.5 * 2^23 rounds to a whole number and leaves it in the lowest bits.
    const float magic = 12582912.0f;
    for (size_t r = 0; r < rows; r += 4) {
        uint32_t groups[PANEL] = {0};
        for (size_t i = 0; i < 4 && r + i < rows; i++)
            for (size_t c = 0; c < PANEL; c++) {
                float q = block[(r + i) * PANEL + c] * inverses[c];
                q = (q < -127 ? -127 : q > 127 ? 127 : q) + magic;
                uint32_t bits, whole;
                memcpy(&bits, &q, 4);
                memcpy(&whole, &magic, 4);
                groups[c] |= (bits & 0xff) << (8 * i);
                sums[c] += (int32_t)(bits - whole);
            }
        memcpy(panel + r * PANEL, groups, sizeof groups);
    }
}

void bigs_pack(
    bigs_type type, const float *weight, size_t row_stride, size_t column_stride, size_t inner,
    size_t columns, size_t panel, void *packed, float *scales, int32_t *sums) {
    enum { STEP = 64 };
    float block[STEP * PANEL];
    const size_t first = panel * PANEL;
    const size_t width = columns - first < PANEL ? columns - first : PANEL;
    const size_t bytes = bigs_packed_bytes(type, inner, PANEL);
    const float *source = weight + first * column_stride;
    char *target = (char *)packed + panel * bytes;
    bigs_populate_pages(target, bytes);
    float inverses[PANEL] = {0};
    if (type == bigs_int8) {
        float largest[PANEL] = {0};
        for (size_t r = 0; r < inner; r += STEP) {
            size_t rows = inner - r < STEP ? inner - r : STEP;
            gather(source + r * row_stride, row_stride, column_stride, rows, width, block);
            largest_of(block, rows, largest);
        }
        for (size_t c = 0; c < PANEL; c++) {
            scales[first + c] = largest[c] / 127;
            inverses[c] = largest[c] > 0 ? 127 / largest[c] : 0;
            sums[first + c] = 0;
        }
    }
    for (size_t r = 0; r < inner; r += STEP) {
        size_t rows = inner - r < STEP ? inner - r : STEP;
        gather(source + r * row_stride, row_stride, column_stride, rows, width, block);
        switch (type) {
        case bigs_bfloat16: pack_bfloat16(block, rows, (uint16_t *)target + r * PANEL); break;
        case bigs_int8:
            pack_int8(block, rows, inverses, (int8_t *)target + r * PANEL, sums + first);
            break;
        default: memcpy((float *)target + r * PANEL, block, rows * PANEL * sizeof(float));
        }
    }
}
