#include "blocks.h"

BIGS_CLONES
void bigs_load_block(
    bigs_type type, const void *input, size_t stride, size_t rows, size_t channels, float *block) {
    const size_t first = channels < LANES ? channels : LANES;
    for (size_t r = 0; r < rows; r++, block += 2 * LANES) {
        const char *row = (const char *)input + r * stride;
        load_16(type, row, first, (bigs_f16 *)block);
        load_16(type, row + first * size_of(type), channels - first, (bigs_f16 *)(block + LANES));
    }
}

BIGS_CLONES
void bigs_store_block(
    bigs_type type, const float *block, size_t rows, size_t channels, void *output, size_t stride) {
    const size_t first = channels < LANES ? channels : LANES;
    for (size_t r = 0; r < rows; r++, block += 2 * LANES) {
        char *row = (char *)output + r * stride;
        store_16(type, row, first, (const bigs_f16 *)block);
        store_16(
            type, row + first * size_of(type), channels - first,
            (const bigs_f16 *)(block + LANES));
    }
}
