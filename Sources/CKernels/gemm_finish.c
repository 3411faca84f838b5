#include "gemm.h"

#if defined(__x86_64__)

#define INLINE BIGS_AVX512 static inline __attribute__((always_inline))

// Of a minimum or maximum with what is not a number the second operand is the result: x must be it.

// exp(x) for |x| < 87: 2^n times a polynomial on [-ln 2 / 2, ln 2 / 2], error 2e-7 relative.
INLINE __m512 exponential(__m512 x) {
    const __m512 log2e = _mm512_set1_ps(1.44269504f);
    __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, log2e), 8);
    __m512 f = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), x);
    f = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4f), f);
    __m512 p = _mm512_set1_ps(1.3888889e-3f);
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(8.3333333e-3f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(4.1666668e-2f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.16666667f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.5f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(1));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(1));
    return _mm512_scalef_ps(p, n);
}

INLINE __m512 reciprocal(__m512 x) {
    __m512 r = _mm512_rcp14_ps(x);
    return _mm512_mul_ps(r, _mm512_fnmadd_ps(x, r, _mm512_set1_ps(2)));
}

// 1 / (1 + exp(-x)); the exponent is kept where it can be split into 2^n and a fraction, and where
// the reciprocal is still a normal number.
INLINE __m512 logistic(__m512 x) {
    __m512 y = _mm512_min_ps(_mm512_set1_ps(80), _mm512_sub_ps(_mm512_setzero_ps(), x));
    __m512 e = exponential(_mm512_max_ps(_mm512_set1_ps(-87), y));
    return reciprocal(_mm512_add_ps(e, _mm512_set1_ps(1)));
}

// 2 sqrt(2 / pi) (x + 0.044715 x^3): x / 2 (1 + tanh(y / 2)) = x logistic(y)
INLINE __m512 gelu_argument(__m512 x) {
    const __m512 a = _mm512_set1_ps(1.5957691f), b = _mm512_set1_ps(0.071354814f);
    return _mm512_mul_ps(x, _mm512_fmadd_ps(_mm512_mul_ps(x, x), b, a));
}

INLINE __m512 gelu_tanh(__m512 x) { return _mm512_mul_ps(x, logistic(gelu_argument(x))); }

// As above where the result is rounded to 8 bits: a shorter polynomial in base 2 and the estimate
// of the reciprocal, error 3e-5 relative.
INLINE __m512 gelu_tanh_short(__m512 x) {
    const __m512 a = _mm512_set1_ps(-2.3022082f), b = _mm512_set1_ps(-0.10294324f);
    __m512 y = _mm512_mul_ps(x, _mm512_fmadd_ps(_mm512_mul_ps(x, x), b, a));
    y = _mm512_max_ps(_mm512_set1_ps(-126), _mm512_min_ps(_mm512_set1_ps(115), y));
    __m512 n = _mm512_roundscale_ps(y, 8);
    __m512 f = _mm512_sub_ps(y, n);
    __m512 p = _mm512_set1_ps(0.0555041f);
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.2402265f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(0.6931472f));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(1));
    __m512 e = _mm512_scalef_ps(p, n);
    return _mm512_mul_ps(x, _mm512_rcp14_ps(_mm512_add_ps(e, _mm512_set1_ps(1))));
}

// x Phi(x), with erf by Abramowitz and Stegun 7.1.26 (error 1.5e-7); z is kept finite.
INLINE __m512 gelu_erf(__m512 x) {
    __m512 z = _mm512_abs_ps(_mm512_mul_ps(x, _mm512_set1_ps(0.70710678f)));
    z = _mm512_min_ps(_mm512_set1_ps(1e18f), z);
    __m512 t = reciprocal(_mm512_fmadd_ps(z, _mm512_set1_ps(0.3275911f), _mm512_set1_ps(1)));
    __m512 p = _mm512_set1_ps(1.061405429f);
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(-1.453152027f));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(1.421413741f));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(-0.284496736f));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0.254829592f));
    __m512 e = exponential(
        _mm512_max_ps(_mm512_set1_ps(-80), _mm512_fnmadd_ps(z, z, _mm512_setzero_ps())));
    __m512 tail = _mm512_mul_ps(_mm512_mul_ps(p, t), _mm512_mul_ps(e, _mm512_set1_ps(0.5f)));
    __mmask16 negative = _mm512_movepi32_mask(_mm512_castps_si512(x));
    __m512 phi = _mm512_mask_mov_ps(_mm512_sub_ps(_mm512_set1_ps(1), tail), negative, tail);
    return _mm512_mul_ps(x, phi);
}

INLINE __m512 hyperbolic_tangent(__m512 x) {
    __m512 y = logistic(_mm512_add_ps(x, x));
    return _mm512_sub_ps(_mm512_add_ps(y, y), _mm512_set1_ps(1));
}

#define FOR_TILE(expression)                                                                      \
    for (size_t r = 0; r < rows; r++)                                                             \
        for (int v = 0; v < BIGS_TILE_COLUMNS; v += 16) {                                         \
            __m512 x = _mm512_add_ps(                                                             \
                _mm512_load_ps(&tile[r][v]), _mm512_loadu_ps(product->bias + column + v));        \
            _mm512_store_ps(&tile[r][v], expression);                                             \
        }

BIGS_AVX512 static void activate(
    const bigs_product *product, bigs_tile tile, size_t rows, size_t column) {
    switch (product->activation) {
    case bigs_gelu_tanh:
        if (product->output_type == bigs_bfloat16) {
            FOR_TILE(gelu_tanh_short(x))
        } else {
            FOR_TILE(gelu_tanh(x))
        }
        break;
    case bigs_gelu_erf: FOR_TILE(gelu_erf(x)) break;
    case bigs_tanh: FOR_TILE(hyperbolic_tangent(x)) break;
    case bigs_relu: FOR_TILE(_mm512_max_ps(_mm512_setzero_ps(), x)) break;
    case bigs_silu: FOR_TILE(_mm512_mul_ps(x, logistic(x))) break;
    case bigs_sigmoid: FOR_TILE(logistic(x)) break;
    default: FOR_TILE(x)
    }
}

/// bfloat16 to float32: the upper half of the word.
INLINE __m512 widen(__m256i x) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(x), 16));
}

/// float32 to bfloat16, to nearest, ties to even; what is not finite stays so.
INLINE __m256i narrow(__m512 x) {
    __m512i bits = _mm512_castps_si512(x);
    __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    __m512i rounded = _mm512_add_epi32(_mm512_add_epi32(bits, odd), _mm512_set1_epi32(0x7fff));
    __mmask16 nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
    rounded = _mm512_mask_or_epi32(rounded, nan, bits, _mm512_set1_epi32(0x400000));
    return _mm512_cvtepi32_epi16(_mm512_srli_epi32(rounded, 16));
}

BIGS_AVX512 void bigs_finish_tile(
    const bigs_product *product, bigs_tile tile, size_t rows, size_t row, size_t column) {
    activate(product, tile, rows, column);
    const size_t left = product->columns - column;
    const size_t width = left < BIGS_TILE_COLUMNS ? left : BIGS_TILE_COLUMNS;
    const size_t size = product->output_type == bigs_bfloat16 ? 2 : 4;
    for (size_t r = 0; r < rows; r++) {
        uint8_t *output =
            (uint8_t *)product->output + (row + r) * product->output_stride + column * size;
        const uint8_t *factor = product->multiplier
            ? (const uint8_t *)product->multiplier + (row + r) * product->multiplier_stride
                + column * size
            : 0;
        const float *addend = product->residual
            ? (const float *)((const uint8_t *)product->residual
                              + (row + r) * product->residual_stride)
                + column
            : 0;
        for (size_t v = 0; v < width; v += 16) {
            __mmask16 mask =
                width - v >= 16 ? (__mmask16)0xffff : (__mmask16)((1u << (width - v)) - 1);
            __m512 x = _mm512_load_ps(&tile[r][v]);
            if (product->output_type == bigs_bfloat16) {
                if (factor)
                    x = _mm512_mul_ps(x, widen(_mm256_maskz_loadu_epi16(mask, factor + 2 * v)));
                _mm256_mask_storeu_epi16(output + 2 * v, mask, narrow(x));
            } else {
                if (factor) x = _mm512_mul_ps(x, _mm512_maskz_loadu_ps(mask, factor + 4 * v));
                if (addend) x = _mm512_add_ps(x, _mm512_maskz_loadu_ps(mask, addend + v));
                _mm512_mask_storeu_ps(output + 4 * v, mask, x);
            }
        }
    }
}

int bigs_product_supported(bigs_type type) {
    __builtin_cpu_init();
    int base = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
    if (type == bigs_bfloat16) return base && __builtin_cpu_supports("avx512bf16");
    if (type == bigs_int8) return base && __builtin_cpu_supports("avx512vnni");
    return base;
}

void bigs_product_float32(
    const bigs_product *, size_t, size_t, size_t, size_t, const void *);
void bigs_product_bfloat16(
    const bigs_product *, size_t, size_t, size_t, size_t, const void *);
void bigs_product_int8(const bigs_product *, size_t, size_t, size_t, size_t, const void *);

void bigs_product_run(
    const bigs_product *product, size_t first_row, size_t rows, size_t first_panel, size_t panels,
    const void *next) {
    switch (product->type) {
    case bigs_bfloat16:
        bigs_product_bfloat16(product, first_row, rows, first_panel, panels, next);
        break;
    case bigs_int8:
        bigs_product_int8(product, first_row, rows, first_panel, panels, next);
        break;
    default: bigs_product_float32(product, first_row, rows, first_panel, panels, next);
    }
}

#else

int bigs_product_supported(bigs_type type) { return 0; }

void bigs_product_run(
    const bigs_product *product, size_t first_row, size_t rows, size_t first_panel, size_t panels,
    const void *next) {}

#endif
