#include "gemm.h"

#if defined(__x86_64__)
#define SUFFIX int8
#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,fma,avx512vnni")))
#define GROUP 4
#define SUM __m512i
#define ZERO _mm512_setzero_si512()
#define STEP(s, w, x) _mm512_dpbusd_epi32(s, x, w)
#define STORE(at, s, product, row, column) dequantize(at, s, product, row, column)

/// (sum over k of (x - zero) w) scale_x scale_w: the zero's part comes off by the column's sum.
TARGET static inline __attribute__((always_inline)) void dequantize(
    float *at, __m512i sums, const bigs_product *product, size_t row, size_t column) {
    __m512i zero = _mm512_set1_epi32(product->zeros[row]);
    __m512i offset =
        _mm512_mullo_epi32(zero, _mm512_loadu_si512(product->column_sums + column));
    __m512 scale = _mm512_mul_ps(
        _mm512_set1_ps(product->scales[row]), _mm512_loadu_ps(product->column_scales + column));
    _mm512_store_ps(
        at, _mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_sub_epi32(sums, offset)), scale));
}

#include "gemm_kernels.h"
#endif
