#include "gemm.h"

#include <math.h>

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

// Where the result is rounded to 8 bits: x times a gate that rises from 0 to 1 and is 1/2 at 0 is
// max(x, 0) - z (1 - gate(z)) with z = |x|. 1 - gate(z) is a parabola around each multiple of 1/6, whose
// coefficients are looked up: error 8e-6, and above -2 1.6e-4 relative.
enum { PIECES = 32, PIECES_A_UNIT = 6 };

typedef struct {
    float coefficients[3][PIECES];
} gate_table;

typedef struct {
    __m512 coefficients[3][2];
} gate;

static gate_table gelu_erf_table, gelu_tanh_table;

static double erf_shut(double z) { return 0.5 * erfc(z * 0.70710678118654752); }

static double tanh_shut(double z) {
    return 1 / (1 + exp(1.5957691216057308 * (z + 0.044715 * z * z * z)));
}

// Parabolas through the three points of each piece that make the error between them least (Chebyshev's).
// The last piece, which all that is above shares, is 0.
static void make_table(gate_table *table, double (*shut)(double)) {
    for (int piece = 0; piece < PIECES - 1; piece++) {
        const double middle = (double)piece / PIECES_A_UNIT;
        const double h = 0.86602540378443865 / (2 * PIECES_A_UNIT);
        const double low = shut(middle - h), at = shut(middle), high = shut(middle + h);
        const double slope = (high - low) / (2 * h), bend = (high - 2 * at + low) / (2 * h * h);
        table->coefficients[0][piece] = (float)(at - middle * slope + middle * middle * bend);
        table->coefficients[1][piece] = (float)(slope - 2 * middle * bend);
        table->coefficients[2][piece] = (float)bend;
    }
}

__attribute__((constructor)) static void make_tables(void) {
    make_table(&gelu_erf_table, erf_shut);
    make_table(&gelu_tanh_table, tanh_shut);
}

INLINE gate load_gate(const gate_table *table) {
    gate loaded;
    for (int i = 0; i < 3; i++)
        for (int half = 0; half < 2; half++)
            loaded.coefficients[i][half] = _mm512_loadu_ps(&table->coefficients[i][16 * half]);
    return loaded;
}

INLINE __m512 gated(__m512 x, const gate *gate) {
    __m512 z = _mm512_min_ps(_mm512_set1_ps(5.2f), _mm512_abs_ps(x));
    // Adding 1.5 * 2^23 leaves the nearest integer in the lowest bits.
    __m512i piece = _mm512_castps_si512(
        _mm512_fmadd_ps(z, _mm512_set1_ps(PIECES_A_UNIT), _mm512_set1_ps(12582912)));
    __m512 c[3];
    for (int i = 0; i < 3; i++)
        c[i] = _mm512_permutex2var_ps(gate->coefficients[i][0], piece, gate->coefficients[i][1]);
    __m512 shut = _mm512_fmadd_ps(_mm512_fmadd_ps(c[2], z, c[1]), z, c[0]);
    return _mm512_fnmadd_ps(z, shut, _mm512_max_ps(_mm512_setzero_ps(), x));
}

INLINE __m512 hyperbolic_tangent(__m512 x) {
    __m512 y = logistic(_mm512_add_ps(x, x));
    return _mm512_sub_ps(_mm512_add_ps(y, y), _mm512_set1_ps(1));
}

/// bfloat16 to float32: the upper half of the word.
INLINE __m512 widen(__m256i x) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(x), 16));
}

/// What `_mm512_cvtneps_pbh` gives, on processors without it: to nearest, ties to even; 0 of the same sign
/// for numbers below the normal range; what is not a number stays so.
INLINE __m256i round_to_bfloat16(__m512 x) {
    const __m512i bits = _mm512_castps_si512(x);
    const __m512i is_odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    __m512i y = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), is_odd);
    y = _mm512_mask_and_epi32(
        y, _mm512_testn_epi32_mask(bits, _mm512_set1_epi32(0x7f800000)), bits,
        _mm512_set1_epi32(INT32_MIN));
    y = _mm512_mask_or_epi32(
        y, _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), bits, _mm512_set1_epi32(0x400000));
    return _mm512_cvtepi32_epi16(_mm512_srli_epi32(y, 16));
}

/// The end of 16 sums x as bfloat16, or as float32, with what they are multiplied by and added to.
#define PUT_BFLOAT16(name, target, rounded)                                                       \
    target static inline __attribute__((always_inline)) void put_##name(                          \
        uint8_t *output, const uint8_t *factor, const float *addend, __mmask16 mask, __m512 x) {  \
        if (factor) x = _mm512_mul_ps(x, widen(_mm256_maskz_loadu_epi16(mask, factor)));          \
        _mm256_mask_storeu_epi16(output, mask, rounded);                                          \
    }

PUT_BFLOAT16(bfloat16, BIGS_BFLOAT16, (__m256i)_mm512_cvtneps_pbh(x))
PUT_BFLOAT16(rounded, BIGS_AVX512, round_to_bfloat16(x))

INLINE void put_float32(
    uint8_t *output, const uint8_t *factor, const float *addend, __mmask16 mask, __m512 x) {
    if (factor) x = _mm512_mul_ps(x, _mm512_maskz_loadu_ps(mask, factor));
    if (addend) x = _mm512_add_ps(x, _mm512_maskz_loadu_ps(mask, addend));
    _mm512_mask_storeu_ps(output, mask, x);
}

// One function for each activation and each type of output and way to it, that what is chosen once is
// not asked for every vector.
#define FINISH(name, type, size, target, prepare, expression)                                     \
    target static void finish_##name##_##type(                                                    \
        const bigs_product *product, const float (*sums)[BIGS_TILE_COLUMNS], size_t rows,         \
        size_t row, size_t column) {                                                              \
        const size_t left = product->columns - column;                                            \
        const size_t width = left < BIGS_TILE_COLUMNS ? left : BIGS_TILE_COLUMNS;                 \
        prepare;                                                                                  \
        for (size_t r = 0; r < rows; r++) {                                                       \
            uint8_t *output = (uint8_t *)product->output                                          \
                + (row + r) * product->output_stride + column * size;                             \
            const uint8_t *factor = product->multiplier                                           \
                ? (const uint8_t *)product->multiplier + (row + r) * product->multiplier_stride   \
                    + column * size                                                               \
                : NULL;                                                                           \
            const float *addend = product->residual                                               \
                ? (const float *)((const uint8_t *)product->residual                              \
                                  + (row + r) * product->residual_stride)                         \
                    + column                                                                      \
                : NULL;                                                                           \
            for (size_t v = 0; v < width; v += 16) {                                              \
                __mmask16 mask =                                                                  \
                    width - v >= 16 ? (__mmask16)0xffff : (__mmask16)((1u << (width - v)) - 1);   \
                __m512 x = _mm512_add_ps(                                                         \
                    _mm512_load_ps(&sums[r][v]), _mm512_loadu_ps(product->bias + column + v));    \
                put_##type(                                                                       \
                    output + size * v, factor ? factor + size * v : NULL,                         \
                    addend ? addend + v : NULL, mask, expression);                                \
            }                                                                                     \
        }                                                                                         \
    }

#define FINISHES(name, expression, prepare, short_expression)                                     \
    FINISH(name, float32, 4, BIGS_AVX512, , expression)                                           \
    FINISH(name, bfloat16, 2, BIGS_BFLOAT16, prepare, short_expression)                           \
    FINISH(name, rounded, 2, BIGS_AVX512, prepare, short_expression)

#define SAME_FINISHES(name, expression) FINISHES(name, expression, , expression)

SAME_FINISHES(identity, x)
FINISHES(gelu_erf, gelu_erf(x), const gate gate = load_gate(&gelu_erf_table), gated(x, &gate))
FINISHES(gelu_tanh, gelu_tanh(x), const gate gate = load_gate(&gelu_tanh_table), gated(x, &gate))
SAME_FINISHES(tanh, hyperbolic_tangent(x))
SAME_FINISHES(relu, _mm512_max_ps(_mm512_setzero_ps(), x))
SAME_FINISHES(silu, _mm512_mul_ps(x, logistic(x)))
SAME_FINISHES(sigmoid, logistic(x))

bigs_finish bigs_finish_of(const bigs_product *product) {
#define ALL(name)                                                                                 \
    {finish_##name##_float32, finish_##name##_rounded, finish_##name##_bfloat16}
    static const bigs_finish finishes[][3] = {
        [bigs_identity] = ALL(identity), [bigs_gelu_erf] = ALL(gelu_erf),
        [bigs_gelu_tanh] = ALL(gelu_tanh), [bigs_tanh] = ALL(tanh),
        [bigs_relu] = ALL(relu), [bigs_silu] = ALL(silu), [bigs_sigmoid] = ALL(sigmoid)};
    const int way = product->output_type != bigs_bfloat16 ? 0 : product->rounds_at_once ? 2 : 1;
    return finishes[product->activation][way];
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

void bigs_tiles_bfloat16(
    const bigs_product *, size_t, size_t, size_t, size_t, const void *);
void bigs_tiles_int8(const bigs_product *, size_t, size_t, size_t, size_t, const void *);

void bigs_product_run(
    const bigs_product *product, size_t first_row, size_t rows, size_t first_panel, size_t panels,
    const void *next) {
    const int tiles = product->uses_tiles;
    switch (product->type) {
    case bigs_bfloat16:
        (tiles ? bigs_tiles_bfloat16 : bigs_product_bfloat16)(
            product, first_row, rows, first_panel, panels, next);
        break;
    case bigs_int8:
        (tiles ? bigs_tiles_int8 : bigs_product_int8)(
            product, first_row, rows, first_panel, panels, next);
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
