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

/// Runs `task` for every item in 0 ..< count on at most `threads` threads; returns when all are
/// done. They are the threads of OpenMP that oneDNN uses from this thread too, where there are any.
void bigs_parallel(size_t count, size_t threads, bigs_task task, void *context);

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

/// output = a * b.
void bigs_multiply(const float *a, const float *b, float *output, size_t count);

/// output = a + b.
void bigs_add(const float *a, const float *b, float *output, size_t count);

/// output[r, c] = tile[r, c] * multiplier[r, c] + addend[r, c]; multiplier and addend, with rows
/// `output_stride` apart as in the output, may be NULL (1 and 0); output may be tile or addend.
void bigs_combine(
    const float *tile, size_t tile_stride, const float *multiplier, const float *addend,
    float *output, size_t output_stride, size_t rows, size_t columns);

// Rows ------------------------------------------------------------------------------------------

/// Layer normalisation of each row in two passes (mean, then variance); output may be input.
void bigs_layer_norm(
    const float *input, float *output, size_t rows, size_t columns, const float *weight,
    const float *bias, float epsilon);

/// output[c] = sum over r, in order and in double precision, of weights[r] * input[r, c], divided
/// by `divisor`; weights may be NULL (all 1).
void bigs_weighted_mean(
    const float *input, size_t stride, size_t rows, size_t columns, const float *weights,
    double divisor, float *output);

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

/// Zeroed memory straight from the system, in large pages where it has them; NULL when there is
/// none left.
void *bigs_allocate_pages(size_t bytes);

/// Gives back what `bigs_allocate_pages` gave.
void bigs_free_pages(void *pages, size_t bytes);

// State space kernel ----------------------------------------------------------------------------

/// kernel[l] += Re(c * z^l), z = exp(step_re + i step_im), l < length, for one state. Powers are
/// anchored anew every 128 samples by exp and sincos in double precision, so that the error
/// does not grow with l, and kernel[l] does not depend on length.
void bigs_accumulate_mode(
    double c_re, double c_im, double step_re, double step_im, double *kernel, size_t length);
