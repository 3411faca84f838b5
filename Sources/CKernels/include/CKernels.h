#pragma once
// The loops that neither oneDNN nor FFTW has. Row-major float32 throughout. Each has a twin in the
// tests, written in Swift, that it is compared with.

#include <stddef.h>
#include <stdint.h>

// Threads ---------------------------------------------------------------------------------------

/// Work on one item by one worker (0 ..< threads).
typedef void (*bigs_task)(void *context, size_t item, size_t worker);

/// The physical cores that this process may run on; at least 1.
int bigs_physical_cores(void);

/// Sets the number of threads of OpenMP for the calling thread; cheap where nothing changes.
void bigs_set_threads(int threads);

/// Runs `task` for every item in 0 ..< count on at most `threads` threads, this one among them; returns
/// when all are done. The others last as long as the process and sleep when there is nothing to do.
/// Several callers may be at it at once; a loop inside a shared loop's item has the item's thread alone,
/// and so has oneDNN there if the caller has set its number of threads to 1.
void bigs_parallel(size_t count, size_t threads, bigs_task task, void *context);

// Profile ---------------------------------------------------------------------------------------

/// How many stages can be told apart.
#define BIGS_STAGES 12

/// Sets all counters to 0, and starts or stops counting.
void bigs_stages_enable(int on);

/// The time now in nanoseconds, 0 while nothing is counted.
uint64_t bigs_stage_begin(void);

/// Adds to a stage the time since `begin`, for each of `threads`, and the bytes that it read and wrote.
void bigs_stage_end(int stage, uint64_t begin, int threads, uint64_t moved);

uint64_t bigs_stage_nanoseconds(int stage);
uint64_t bigs_stage_bytes(int stage);

/// The bytes that are allocated now; 0 where the C library does not tell.
size_t bigs_heap_bytes(void);

// Products ----------------------------------------------------------------------------------------

/// Types of numbers in memory.
typedef enum bigs_type { bigs_float32, bigs_bfloat16, bigs_int8 } bigs_type;

/// What a product can end with; the forms are those of `Activation`.
typedef enum bigs_activation {
    bigs_identity,
    bigs_gelu_erf,
    bigs_gelu_tanh,
    bigs_tanh,
    bigs_relu,
    bigs_silu,
    bigs_sigmoid
} bigs_activation;

/// The columns of a panel of packed weights.
#define BIGS_PANEL_COLUMNS 64

/// A product of rows with packed weights, and what is done with each sum:
/// output[r, c] = activation(sum over k of input[r, k] weights[k, c] + bias[c])
///                * multiplier[r, c] + residual[r, c]
/// Strides are in bytes. The input is of the weights' type (8 bits: unsigned, see `scales`), and rows
/// of it are readable up to a multiple of 4 bytes, with finite numbers there. `multiplier` has the
/// output's type; `residual` is float32 and needs a float32 output. Both may be NULL or the output.
typedef struct bigs_product {
    bigs_type type;
    /// Whether the matrix unit multiplies, not vectors; only where `bigs_tiles_supported`. Of bfloat16,
    /// the sums' bits differ.
    int uses_tiles;
    bigs_type output_type;
    /// Whether results of bfloat16 are rounded by the instruction for it, only where that type is
    /// supported, or by several others. The bits are the same.
    int rounds_at_once;
    size_t inner, columns;
    const void *weights;
    /// `columns`, rounded up to whole panels; zeros where there is no bias.
    const float *bias;
    /// 8 bits only, for each column, rounded up to whole panels: the weights' scale, and their sum.
    const float *column_scales;
    const int32_t *column_sums;
    /// 8 bits only, for each row: x = (q - zero) * scale.
    const float *scales;
    const int32_t *zeros;
    bigs_activation activation;
    const void *input, *multiplier, *residual;
    void *output;
    size_t input_stride, multiplier_stride, residual_stride, output_stride;
} bigs_product;

/// Whether this processor has the instructions for products of a type.
int bigs_product_supported(bigs_type type);

/// Whether this processor has a matrix unit (AMX) for a type and the system lets this process use it.
int bigs_tiles_supported(bigs_type type);

/// Rows `first_row ..< first_row + rows` and panels `first_panel ..< first_panel + panels` of a product,
/// on this thread. An element's bits depend on its row and column alone. `next`, or NULL, is what
/// will be read afterwards. Only where `bigs_product_supported`. Products and results of bfloat16 take
/// numbers below the normal range for 0.
void bigs_product_run(
    const bigs_product *product, size_t first_row, size_t rows, size_t first_panel, size_t panels,
    const void *next);

/// The size of packed weights: whole panels, one after the other.
size_t bigs_packed_bytes(bigs_type type, size_t inner, size_t columns);

/// Packs one panel of weights [inner, columns], whose strides are in floats; `packed` (aligned to 64),
/// `scales` and `sums` (8 bits only) have room for all panels. 8 bits: to nearest, by the largest
/// magnitude of the column.
void bigs_pack(
    bigs_type type, const float *weight, size_t row_stride, size_t column_stride, size_t inner,
    size_t columns, size_t panel, void *packed, float *scales, int32_t *sums);

/// Rows of bfloat16 to unsigned bytes, each with a scale and a zero of its own that make its smallest
/// and its largest number representable, and zero exact. Strides in bytes.
void bigs_quantize_rows(
    const uint16_t *input, size_t input_stride, size_t rows, size_t columns, uint8_t *output,
    size_t output_stride, float *scales, int32_t *zeros);

// Layout ----------------------------------------------------------------------------------------

/// Channels 2p and 2p + 1 become the real and imaginary part of a contiguous complex signal:
/// output[p * output_stride + r] = input[r, 2p] + i input[r, 2p + 1]. Rows of the input are `stride`
/// floats apart, signals `output_stride` complex numbers. Of an odd last channel's signal, the
/// imaginary part is 0.
void bigs_gather_pairs(
    const float *input, size_t stride, size_t rows, size_t channels, float *output,
    size_t output_stride);

/// The inverse of `bigs_gather_pairs`; an odd last channel's imaginary part is dropped.
void bigs_scatter_pairs(
    const float *input, size_t input_stride, size_t rows, size_t channels, float *output,
    size_t stride);

// Elementwise -----------------------------------------------------------------------------------

/// spectrum[i] *= factor[i] for `count` complex numbers (re, im interleaved).
void bigs_multiply_spectrum(float *spectrum, const float *factor, size_t count);

/// A table of rows, and the number of its row that each row of a result takes.
typedef struct bigs_lookup {
    const float *table;
    const int32_t *rows;
} bigs_lookup;

/// output[r, c] = sum over `count` > 0 lookups, in order, of table[rows[r], c], for rows
/// first ..< first + rows of the output.
void bigs_gather_sum(
    const bigs_lookup *lookups, size_t count, size_t first, size_t rows, size_t columns,
    float *output);

/// output[r, c] = tile[r, c] * multiplier[r, c] + addend[r, c]; multiplier and addend, with rows
/// `output_stride` apart as in the output, may be NULL (1 and 0); output may be tile or addend.
void bigs_combine(
    const float *tile, size_t tile_stride, const float *multiplier, const float *addend,
    float *output, size_t output_stride, size_t rows, size_t columns);

// Rows ------------------------------------------------------------------------------------------

/// Layer normalisation of each row in two passes (mean, then variance), of rows of float32, `columns`
/// apart, to rows of `type`, float32 or bfloat16, `stride` bytes apart; output may be input. A row's
/// bits do not depend on the others.
void bigs_layer_norm(
    bigs_type type, const float *input, void *output, size_t stride, size_t rows, size_t columns,
    const float *weight, const float *bias, float epsilon);

/// output[c] = sum over r, in order and in double precision, of weights[r] * input[r, c], divided
/// by the sum of the weights, which are rounded to float32; weights may be NULL (all 1).
void bigs_weighted_mean(
    const float *input, size_t stride, size_t rows, size_t columns, const int32_t *weights,
    float *output);

/// `count` numbers of float32 to bfloat16 (to nearest, ties to even), and back.
void bigs_narrow(const float *input, uint16_t *output, size_t count);
void bigs_widen(const uint16_t *input, float *output, size_t count);

// Convolution -----------------------------------------------------------------------------------

/// The number of floats before and after the kernel that `bigs_toeplitz` may read.
#define BIGS_TOEPLITZ_PADDING 8

/// output[l, c] = sum over m <= l of kernel[l - m] input[m, c], for l < length and c < columns, or,
/// `backward`, over m >= l of kernel[m - l]: a product with a triangular Toeplitz matrix.
/// Rows are `stride` apart. BIGS_TOEPLITZ_PADDING zeros stand before the kernel, and as many floats
/// of any finite value after its `length` values. A channel's bits do not depend on the others.
void bigs_toeplitz(
    const float *input, float *output, size_t stride, size_t length, size_t columns,
    const float *kernel, int backward);

/// Zeros before and after the kernel of `bigs_toeplitz_tiles`.
#define BIGS_TILES_PADDING 64

/// The same in place of up to 32 channels of rows of bfloat16, `stride` bytes apart, by the matrix unit
/// (`bigs_tiles_supported`). `kernel` points to what the input at a row itself is multiplied by; what rows
/// before it are, by the distance, lies before that (forward), and what rows after it are, after it
/// (backward): `taps` numbers with `BIGS_TILES_PADDING` zeros at either end, as bfloat16. What rounding
/// took of each lies `rest` numbers on. `work` has 64 bytes for each row, their number rounded up to 32,
/// and is aligned to 64.
void bigs_toeplitz_tiles(
    const uint16_t *kernel, size_t taps, size_t rest, void *rows, size_t stride, size_t length,
    size_t channels, int backward, void *work);

/// The rows of a chunk of `bigs_scan_chunks`.
#define BIGS_CHUNK 64
/// Twice the number of states is a multiple of this, and as much stands before and after tables.
#define BIGS_CHUNK_PADDING 8

/// A state space model as `bigs_scan_chunks` reads it. With t_n = exp(dt A_n) for each of its states n:
typedef struct bigs_chunks {
    /// A multiple of 4; states that fill it up have zeros everywhere.
    size_t states;
    /// The kernel's first BIGS_CHUNK samples, D added to the first. Before and after them stand
    /// BIGS_CHUNK_PADDING zeros.
    const float *lags;
    /// [BIGS_CHUNK, 2 states]: the real part, and minus the imaginary part, of what a state weighs
    /// r rows into a chunk: weight_n t_n^(r + 1). Before and after them stand BIGS_CHUNK_PADDING such
    /// rows of any finite values.
    const float *reads;
    /// [2 states, BIGS_CHUNK]: the real and the imaginary part of t_n^(BIGS_CHUNK - 1 - m).
    const float *writes;
    /// [states, 4]: real and imaginary part of t_n^BIGS_CHUNK, and what float32 leaves out of them.
    const float *turns;
} bigs_chunks;

/// The state space model's answer to up to 32 `channels` of `length` rows, in place: their convolution
/// with its kernel. Chunk by chunk in reading order, by a Toeplitz product and the states. Rows are
/// `stride` bytes apart, of float32 or bfloat16; all arithmetic in float32. `work` has
/// `bigs_chunks_work(states)` floats, aligned to 64 bytes. A channel's bits do not depend on the others.
void bigs_scan_chunks(
    const bigs_chunks *model, bigs_type type, void *data, size_t stride, size_t length,
    size_t channels, int backward, float *work);

/// The floats that `bigs_scan_chunks` works in.
size_t bigs_chunks_work(size_t states);

/// A Fourier transform of some size, a power of two from 64 to 2,048.
typedef struct bigs_fourier bigs_fourier;

/// Its factors; NULL without memory.
bigs_fourier *bigs_fourier_create(size_t size);
void bigs_fourier_destroy(bigs_fourier *plan);

/// Convolution in place, in blocks of the transform's size, 16 channels in the lanes of a vector: each
/// block's spectrum, one triangular product over blocks for each frequency, and back (Gardner 1995,
/// with equal parts; no zeros are appended, see partitioned.c). Any number of `channels` of `length`
/// rows, `stride` bytes apart, of float32 or bfloat16; all arithmetic in float32. `work` has
/// `bigs_partitioned_work(size, blocks)` floats, aligned to 64 bytes, blocks = ceil(length / size).
/// `spectrum` is that of the kernel's first `segments` blocks, in rows of `row_floats`.
void bigs_partitioned(
    const bigs_fourier *plan, const float *spectrum, size_t row_floats, size_t segments,
    bigs_type type, void *data, size_t stride, size_t length, size_t channels, int backward,
    float *work);

/// The floats in one of the `size` rows of a spectrum for `blocks` blocks.
size_t bigs_partitioned_row(size_t blocks);
/// The floats that `bigs_partitioned` works in.
size_t bigs_partitioned_work(size_t size, size_t blocks);

/// The spectrum of `length` samples of a kernel, to whose first `first` is added, for `segments` blocks
/// and a direction; `work` as for `bigs_partitioned`, with one block.
void bigs_partitioned_spectrum(
    const bigs_fourier *plan, const float *kernel, size_t length, size_t segments, float first,
    int backward, float *spectrum, size_t row_floats, float *work);

/// Copies rows of up to 32 channels of either type, `stride` bytes apart, to rows of 32 floats, with
/// zeros after them; and back.
void bigs_load_block(
    bigs_type type, const void *input, size_t stride, size_t rows, size_t channels, float *block);
void bigs_store_block(
    bigs_type type, const float *block, size_t rows, size_t channels, void *output, size_t stride);

// Search ----------------------------------------------------------------------------------------

/// Rows of codes are a multiple of this many bytes long, filled up with zeros.
#define BIGS_SCAN_STRIDE 64

/// output[r] = sum over c of codes[r, c] * query[c], exact; the caller bounds the query so that no
/// sum passes 2^31.
void bigs_scan_codes(
    const int8_t *codes, size_t stride, size_t rows, const int16_t *query, int32_t *output);

/// The same for the rows with the numbers rows[0 ..< count] only.
void bigs_scan_codes_at(
    const int8_t *codes, size_t stride, const uint32_t *rows, size_t count, const int16_t *query,
    int32_t *output);

/// The nearest multiples of *scale to a row, as codes in -127 ... 127, and, in double precision,
/// the row's Euclidean norm and that of what the codes leave out. Finite numbers only.
void bigs_quantize_row(
    const float *row, size_t columns, size_t stride, int8_t *codes, float *scale, double *norm,
    double *residual);

/// The inner product in double precision, summed in a fixed order.
double bigs_dot_double(const float *a, const float *b, size_t columns);

/// The first place from `start` on where the `length` bytes of `part` lie in `bytes`; `count` where
/// there is none, or no part.
size_t bigs_find_bytes(
    const uint8_t *bytes, size_t count, size_t start, const uint8_t *part, size_t length);

/// Zeroed memory straight from the system, in large pages where it has them; NULL when there is
/// none left.
void *bigs_allocate_pages(size_t bytes);

/// Asks for large pages under memory that was just allocated, where there are 4 MiB of it or more: what
/// reads much of it then seldom waits for addresses.
void bigs_prefer_large_pages(void *memory, size_t bytes);

/// Has the whole pages of fresh memory made in one call: one at a time, as they are first written, they
/// took a fifth of the time that a large model in float32 needs to load.
void bigs_populate_pages(void *memory, size_t bytes);

/// Gives back what `bigs_allocate_pages` gave.
void bigs_free_pages(void *pages, size_t bytes);

// State space kernel ----------------------------------------------------------------------------

/// kernel[l] += Re(c * z^l), z = exp(step_re + i step_im), l < length, for one state. Powers are
/// anchored anew every 128 samples by exp and sincos in double precision, so that the error
/// does not grow with l, and kernel[l] does not depend on length.
void bigs_accumulate_mode(
    double c_re, double c_im, double step_re, double step_im, double *kernel, size_t length);
