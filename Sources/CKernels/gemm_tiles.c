// Products of bfloat16 and of 8 bits by the matrix unit of newer processors (AMX): about four times as
// fast as their vectors.
#define _GNU_SOURCE
#include "gemm.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <pthread.h>
#include <string.h>
#ifdef __linux__
#include <sys/syscall.h>
#include <unistd.h>
#endif

/// The bytes of a lane group of a panel.
#define BIGS_STEP_BYTES 256
/// Rows whose sums are in tiles at a time.
#define BIGS_BLOCK_ROWS 32
/// Cache lines of the next panel to bring in for each 16 lane groups: all of it while 128 rows pass. The
/// weights of a large model come from memory, and its latency is long beside a tile's product.
#define BIGS_LINES_AHEAD 8

static int has_bfloat16, has_int8;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/// Asks the system for the tiles' state, which a process has only then.
static void find_unit(void) {
#ifdef __linux__
    enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };
    unsigned a, b, c, d;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return;
    if (!(d & (1u << 24)) || syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) != 0) return;
    has_bfloat16 = (d >> 22) & 1;
    has_int8 = (d >> 25) & 1;
#endif
}

int bigs_tiles_supported(bigs_type type) {
    pthread_once(&once, find_unit);
    return type == bigs_bfloat16 ? has_bfloat16 : type == bigs_int8 ? has_int8 : 0;
}

BIGS_AMX void bigs_shape_tiles(size_t rows) {
    struct {
        uint8_t palette, start, reserved[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    } shape = {.palette = 1};
    const uint8_t upper = (uint8_t)(rows < 16 ? rows : 16), lower = (uint8_t)(rows - upper);
    const uint8_t heights[] = {upper, upper, lower, lower, upper, lower, 16, 16};
    for (size_t i = 0; i < sizeof heights; i++) {
        shape.rows[i] = heights[i];
        shape.row_bytes[i] = heights[i] ? 64 : 0;
    }
    _tile_loadconfig(&shape);
}

/// Rows of sums that wait to be ended, while the next ones are summed.
typedef struct bigs_waiting {
    const bigs_product *product;
    bigs_finish finish;
    float (*sums)[BIGS_TILE_COLUMNS];
    size_t rows, row, column;
} bigs_waiting;

#define SUFFIX bfloat16
#define GROUP 2
#define MULTIPLY _tile_dpbf16ps
#define TO_FLOAT(sums, product, row, column)
#include "gemm_tiles.h"
#undef SUFFIX
#undef GROUP
#undef MULTIPLY
#undef TO_FLOAT

/// A row of 64 sums; see `bigs_dequantize`.
BIGS_AMX static inline void dequantize_row(
    float *sums, const bigs_product *product, size_t row, size_t column) {
    for (size_t v = 0; v < BIGS_TILE_COLUMNS; v += 16)
        bigs_dequantize(
            sums + v, _mm512_load_si512((const void *)(sums + v)), product, row, column + v);
}

#define SUFFIX int8
#define GROUP 4
#define MULTIPLY _tile_dpbusd
#define TO_FLOAT dequantize_row
#include "gemm_tiles.h"

#else

int bigs_tiles_supported(bigs_type type) { return 0; }

#endif
