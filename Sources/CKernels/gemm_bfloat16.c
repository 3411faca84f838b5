#include "gemm.h"

#if defined(__x86_64__)
#define SUFFIX bfloat16
#define TARGET BIGS_BFLOAT16
#define GROUP 2
#define SUM __m512
#define ZERO _mm512_setzero_ps()
#define STEP(s, w, x) _mm512_dpbf16_ps(s, (__m512bh)(w), (__m512bh)(x))
#define STORE(at, s, product, row, column) _mm512_store_ps(at, s)
#include "gemm_kernels.h"
#endif
