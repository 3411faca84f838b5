#include "gemm.h"

#if defined(__x86_64__)
#define SUFFIX float32
#define TARGET BIGS_AVX512
#define GROUP 1
#define SUM __m512
#define ZERO _mm512_setzero_ps()
#define STEP(s, w, x) _mm512_fmadd_ps(_mm512_castsi512_ps(w), _mm512_castsi512_ps(x), s)
#define STORE(at, s, product, row, column) _mm512_store_ps(at, s)
#include "gemm_kernels.h"
#endif
