#include "blocks.h"

BIGS_CLONES
void bigs_load_block(
    bigs_type type, const void *input, size_t stride, size_t rows, size_t channels, float *block) {
    for (size_t r = 0; r < rows; r++) {
        bigs_complex row;
        load_row(type, (const char *)input + r * stride, channels, &row);
        memcpy(block + 2 * LANES * r, &row, sizeof row);
    }
}

BIGS_CLONES
void bigs_store_block(
    bigs_type type, const float *block, size_t rows, size_t channels, void *output, size_t stride) {
    for (size_t r = 0; r < rows; r++) {
        bigs_complex row;
        memcpy(&row, block + 2 * LANES * r, sizeof row);
        store_row(type, (char *)output + r * stride, channels, &row);
    }
}
