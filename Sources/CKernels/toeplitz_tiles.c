// The product with a triangular Toeplitz matrix on the matrix unit (AMX), of rows of bfloat16.
//
// A tile of the matrix has 16 rows of 32 numbers, each row the one above moved on by a place: it is read
// out of the kernel itself, with a stride of one number. The kernel is the sum of two bfloat16, so that
// it keeps 16 bits of each of its numbers; products are exact and sums float32.
#include "gemm.h"

#if defined(__x86_64__)
enum { BLOCK = 32, TILE_BYTES = 1024 };

/// Row r of up to 32 channels; zeros from `length` on.
BIGS_AMX static inline __m512i row_at(
    const char *rows, size_t stride, size_t r, size_t length, __mmask32 channels) {
    return r < length ? _mm512_maskz_loadu_epi16(channels, rows + r * stride)
                      : _mm512_setzero_si512();
}

/// 32 rows as two tiles of 16 channels, in which the numbers of two rows alternate.
BIGS_AMX static void pack_rows(
    const char *rows, size_t stride, size_t length, __mmask32 channels, char *packed) {
    const __m512i lower = _mm512_set_epi16(
        47, 15, 46, 14, 45, 13, 44, 12, 43, 11, 42, 10, 41, 9, 40, 8, 39, 7, 38, 6, 37, 5, 36, 4,
        35, 3, 34, 2, 33, 1, 32, 0);
    const __m512i upper = _mm512_add_epi16(lower, _mm512_set1_epi16(16));
    for (size_t block = 0; block < length; block += BLOCK)
        for (size_t pair = 0; pair < BLOCK / 2; pair++, packed += 64) {
            if (pair == 0 && block > 0) packed += TILE_BYTES;
            const size_t r = block + 2 * pair;
            const __m512i first = row_at(rows, stride, r, length, channels);
            const __m512i second = row_at(rows, stride, r + 1, length, channels);
            _mm512_store_si512(packed, _mm512_permutex2var_epi16(first, lower, second));
            _mm512_store_si512(
                packed + TILE_BYTES, _mm512_permutex2var_epi16(first, upper, second));
        }
}

/// The part of the matrix at `kernel`, times 32 rows, is added to two tiles of sums.
#define STEP(left, right, kernel)                                                                 \
    _tile_loadd(4, kernel, -2);                                                                   \
    _tile_dpbf16ps(left, 4, 6);                                                                   \
    _tile_dpbf16ps(right, 4, 7);                                                                  \
    _tile_loadd(5, (kernel) + rest, -2);                                                          \
    _tile_dpbf16ps(left, 5, 6);                                                                   \
    _tile_dpbf16ps(right, 5, 7);

BIGS_AMX void bigs_toeplitz_tiles(
    const uint16_t *kernel, size_t taps, size_t rest, void *rows, size_t stride, size_t length,
    size_t channels, int backward, void *work) {
    const __mmask32 mask = channels >= 32 ? ~(__mmask32)0 : ((__mmask32)1 << channels) - 1;
    const size_t blocks = (length + BLOCK - 1) / BLOCK;
    // Blocks whose rows are so far off that the kernel has ended.
    const size_t reach = (taps + BLOCK - 2) / BLOCK;
    float sums[BLOCK][BLOCK] __attribute__((aligned(64)));
    char *packed = work;
    pack_rows(rows, stride, length, mask, packed);
    bigs_shape_tiles(BLOCK);
    for (size_t b = 0; b < blocks; b++) {
        const size_t from = backward ? b : b > reach ? b - reach : 0;
        const size_t end = !backward ? b + 1 : b + reach + 1 < blocks ? b + reach + 1 : blocks;
        const int is_tall = length - b * BLOCK > 16;
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
        for (size_t k = from; k < end; k++) {
            const uint16_t *at = kernel + ((ptrdiff_t)k - (ptrdiff_t)b) * BLOCK;
            _tile_loadd(6, packed + 2 * TILE_BYTES * k, 64);
            _tile_loadd(7, packed + 2 * TILE_BYTES * k + TILE_BYTES, 64);
            STEP(0, 1, at)
            if (is_tall) { STEP(2, 3, at - 16) }
        }
        _tile_stored(0, sums[0], sizeof sums[0]);
        _tile_stored(1, sums[0] + 16, sizeof sums[0]);
        if (is_tall) {
            _tile_stored(2, sums[16], sizeof sums[0]);
            _tile_stored(3, sums[16] + 16, sizeof sums[0]);
        }
        char *output = (char *)rows + b * BLOCK * stride;
        const size_t height = length - b * BLOCK < BLOCK ? length - b * BLOCK : BLOCK;
        for (size_t r = 0; r < height; r++, output += stride)
            _mm512_mask_storeu_epi16(
                output, mask,
                (__m512i)_mm512_cvtne2ps_pbh(
                    _mm512_load_ps(&sums[r][16]), _mm512_load_ps(&sums[r][0])));
    }
    _tile_release();
}

#else

void bigs_toeplitz_tiles(
    const uint16_t *kernel, size_t taps, size_t rest, void *rows, size_t stride, size_t length,
    size_t channels, int backward, void *work) {}

#endif
