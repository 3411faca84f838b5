#include "gemm.h"

#if defined(__x86_64__)
#define SUFFIX int8
#define TARGET __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,fma,avx512vnni")))
#define GROUP 4
#define SUM __m512i
#define ZERO _mm512_setzero_si512()
#define STEP(s, w, x) _mm512_dpbusd_epi32(s, x, w)
#define STORE bigs_dequantize

#include "gemm_kernels.h"
#endif
