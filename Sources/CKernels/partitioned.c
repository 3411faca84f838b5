#include "fourier.h"

#include <math.h>
#include <stdlib.h>

// With z = exp(-i pi t / 2 size) on the way in, a product of two transforms of `size` complex numbers
// wraps around with a factor of -i. So for real x and a kernel of k[m] + i k[m - size], the real part of
// the product is the sum over all lags from 1 - size to size - 1, without a zero appended: one
// complex transform of the length of the block itself.

#define GROUP 4

bigs_fourier *bigs_fourier_create(size_t size) {
    bigs_fourier *plan = calloc(1, sizeof *plan);
    if (!plan) return NULL;
    plan->size = size;
    size_t span = size;
    while (span > 1 && plan->passes < BIGS_MAXIMUM_PASSES) {
        // Powers of 8, after as many 4s as make the rest one.
        int bits = __builtin_ctzl(span);
        int radix = bits % 3 == 0 ? 8 : 4;
        float *factors = malloc(sizeof(float) * 2 * (radix - 1) * (span / radix));
        if (!factors) break;
        for (size_t j = 0; j < span / radix; j++)
            for (int q = 1; q < radix; q++) {
                double angle = -2 * M_PI * (double)(j * q) / (double)span;
                factors[2 * (j * (radix - 1) + q - 1)] = (float)cos(angle);
                factors[2 * (j * (radix - 1) + q - 1) + 1] = (float)sin(angle);
            }
        plan->radices[plan->passes] = radix;
        plan->factors[plan->passes++] = factors;
        span /= radix;
    }
    plan->twist = malloc(sizeof(float) * 2 * size);
    if (span > 1 || plan->passes < 2 || !plan->twist) {
        bigs_fourier_destroy(plan);
        return NULL;
    }
    for (size_t t = 0; t < size; t++) {
        plan->twist[2 * t] = (float)cos(-M_PI_2 * (double)t / (double)size);
        plan->twist[2 * t + 1] = (float)sin(-M_PI_2 * (double)t / (double)size);
    }
    return plan;
}

void bigs_fourier_destroy(bigs_fourier *plan) {
    if (!plan) return;
    for (int i = 0; i < plan->passes; i++) free(plan->factors[i]);
    free(plan->twist);
    free(plan);
}

size_t bigs_partitioned_row(size_t blocks) { return 2 * (blocks + GROUP - 1); }

/// The floats between two lists of `count` numbers: not a power of two, or numbers of the same place
/// would compete for the same cache lines.
INLINE size_t spacing_of(size_t count) { return count * NUMBER + LANES; }

/// What of a sequence lies in the working memory at a time: the blocks of one stretch of outputs, and
/// before them those that the kernel still reaches.
typedef struct stretch {
    /// Blocks of outputs, those before them, and both.
    size_t outputs, before, slots;
} stretch;

/// A long sequence is convolved in stretches when its kernel is short: so many bytes stay in the
/// second-level cache.
#define STRETCH_BYTES (768 * 1024)

INLINE stretch stretch_of(size_t size, size_t blocks, size_t segments) {
    const size_t before = segments - 1, slots = STRETCH_BYTES / (size * NUMBER * sizeof(float));
    const size_t outputs = 2 * before <= slots ? (slots - before) / GROUP * GROUP : 0;
    // Each block before a stretch goes through one pass again: as many outputs make up for that.
    if (slots >= blocks || outputs == 0)
        return (stretch){.outputs = (blocks + GROUP - 1) / GROUP * GROUP, .slots = blocks};
    return (stretch){outputs, before, outputs + before};
}

size_t bigs_partitioned_work(size_t size, size_t blocks) {
    return LAST_RADIX * spacing_of(blocks) + blocks * spacing_of(size);
}

/// Rows of a block, up to 16 channels of each: those after `count` are zero.
typedef struct block_rows {
    bigs_type type;
    char *start;
    size_t stride, count, channels;
} block_rows;

/// What is known of a block's rows when code is made for them.
typedef enum block_form { ANY_ROWS, WHOLE_FLOAT32, WHOLE_BFLOAT16 } block_form;

INLINE bigs_type type_of(const block_rows *rows, const block_form form) {
    return form == WHOLE_BFLOAT16 ? bigs_bfloat16
         : form == WHOLE_FLOAT32  ? bigs_float32
                                  : rows->type;
}

/// Row `t` of `rows`, which lies at `row`.
INLINE void load_channels(
    const block_rows *rows, const char *row, size_t t, const block_form form, bigs_f16 *to) {
    const size_t channels = form == ANY_ROWS ? rows->channels : LANES;
    if (form == ANY_ROWS && t >= rows->count)
        *to = (bigs_f16){0};
    else
        load_16(type_of(rows, form), row, channels, to);
}

INLINE void store_channels(
    const block_rows *rows, char *row, size_t t, const block_form form, const bigs_f16 *from) {
    if (form == ANY_ROWS && t >= rows->count) return;
    store_16(type_of(rows, form), row, form == ANY_ROWS ? rows->channels : LANES, from);
}

/// Rows that are asked for before they are needed: they lie in no stream that the processor follows.
#define ROWS_AHEAD 48

/// The first forward pass, from a block's rows to numbers `stride` apart.
INLINE void read_pass(
    const bigs_fourier *plan, const block_rows *rows, float *to, const int radix,
    const block_form form) {
    const size_t step = plan->size / radix, row_step = step * rows->stride;
    const float *factors = plan->factors[0], *twist = plan->twist;
    const char *row = rows->start;
    for (size_t j = 0; j < step; j++, factors += 2 * (radix - 1)) {
        bigs_complex x[8];
        UNROLL for (int q = 0; q < radix; q++) {
            bigs_f16 real;
            load_channels(rows, row + q * row_step, j + q * step, form, &real);
            __builtin_prefetch(row + q * row_step + ROWS_AHEAD / radix * rows->stride);
            x[q].re = real * twist[2 * q * step];
            x[q].im = real * twist[2 * q * step + 1];
        }
        dft(x, radix, 0);
        UNROLL for (int q = 0; q < radix; q++) {
            if (q) rotate(&x[q], factors + 2 * (q - 1), 0);
            store_complex(to + q * step * NUMBER, &x[q]);
        }
        row += rows->stride;
        twist += 2;
        to += NUMBER;
    }
}

/// The last inverse pass, from numbers `stride` apart to a block's rows.
INLINE void write_pass(
    const bigs_fourier *plan, const float *from, const block_rows *rows, const int radix, const block_form form) {
    const size_t step = plan->size / radix, row_step = step * rows->stride;
    const float *factors = plan->factors[0], *twist = plan->twist;
    char *row = rows->start;
    for (size_t j = 0; j < step; j++, factors += 2 * (radix - 1)) {
        bigs_complex x[8];
        UNROLL for (int q = 0; q < radix; q++) {
            load_complex(from + q * step * NUMBER, &x[q]);
            if (q) rotate(&x[q], factors + 2 * (q - 1), 1);
        }
        dft(x, radix, 1);
        UNROLL for (int q = 0; q < radix; q++) {
            bigs_f16 real = x[q].re * twist[2 * q * step] + x[q].im * twist[2 * q * step + 1];
            store_channels(rows, row + q * row_step, j + q * step, form, &real);
        }
        row += rows->stride;
        twist += 2;
        from += NUMBER;
    }
}

/// All passes but the last, from a block's rows to x; or, when it `writes`, all inverse passes but the
/// first, from x to the rows.
INLINE void pass_block(
    const bigs_fourier *plan, const block_rows *rows, float *x, const int writes,
    const block_form form) {
    if (writes) fourier_middle(plan, x, 1);
    if (writes && plan->radices[0] == 4)
        write_pass(plan, x, rows, 4, form);
    else if (writes)
        write_pass(plan, x, rows, 8, form);
    else if (plan->radices[0] == 4)
        read_pass(plan, rows, x, 4, form);
    else
        read_pass(plan, rows, x, 8, form);
    if (!writes) fourier_middle(plan, x, 0);
}

/// sum += value times the complex number at `factor`.
INLINE void add_product(bigs_complex *sum, const bigs_complex *value, const float *factor) {
    const float re = factor[0], im = factor[1];
    sum->re += value->re * re;
    sum->im += value->im * re;
    sum->re -= value->im * im;
    sum->im += value->re * im;
}

/// For one frequency, in place and from `first` on: x[j] = sum over i <= j of kernel[j - i] x[i]. From
/// the last group of outputs to the first, so that inputs are still there.
INLINE void convolve_blocks(
    float *x, size_t first, size_t blocks, const float *kernel, size_t segments) {
    size_t groups = (blocks - first + GROUP - 1) / GROUP;
    while (groups-- > 0) {
        const size_t j = first + groups * GROUP;
        bigs_complex sums[GROUP] = {0};
        for (size_t i = j >= segments ? j - segments + 1 : 0; i < j; i++) {
            bigs_complex value;
            load_complex(x + i * NUMBER, &value);
            const float *factors = kernel + 2 * (j - i);
            UNROLL for (size_t g = 0; g < GROUP; g++) add_product(&sums[g], &value, factors + 2 * g);
        }
        UNROLL for (size_t i = 0; i < GROUP; i++) {
            if (j + i >= blocks) break;
            bigs_complex value;
            load_complex(x + (j + i) * NUMBER, &value);
            UNROLL for (size_t g = i; g < GROUP; g++)
                add_product(&sums[g], &value, kernel + 2 * (g - i));
        }
        UNROLL for (size_t g = 0; g < GROUP; g++)
            if (j + g < blocks) store_complex(x + (j + g) * NUMBER, &sums[g]);
    }
}

/// The last forward pass of blocks `from` to `end`, the products of spectra and the first inverse pass
/// of the blocks from `first` on, in place, a few frequencies at a time. Block i lies in slot
/// i mod `slots` of x.
INLINE void multiply(
    float *x, size_t size, size_t from, size_t first, size_t end, size_t slots,
    const float *spectrum, size_t row_floats, size_t segments, float *some) {
    const size_t spacing = spacing_of(size), apart = spacing_of(slots);
    for (size_t f = 0; f < size; f += LAST_RADIX) {
        for (size_t i = from, slot = from % slots; i < end; i++) {
            bigs_complex v[8];
            UNROLL for (int q = 0; q < 8; q++) {
                const float *number = x + (f + q) * NUMBER + slot * spacing;
                load_complex(number, &v[q]);
                // What comes next of this block lies in no stream that the processor would follow.
                __builtin_prefetch(number + LAST_RADIX * NUMBER);
                __builtin_prefetch(number + LAST_RADIX * NUMBER + LANES);
            }
            dft8(v, 0);
            UNROLL for (int q = 0; q < 8; q++)
                store_complex(some + q * apart + (i - from) * NUMBER, &v[q]);
            slot = slot + 1 < slots ? slot + 1 : 0;
        }
        for (size_t q = 0; q < LAST_RADIX; q++)
            convolve_blocks(
                some + q * apart, first - from, end - from, spectrum + (f + q) * row_floats,
                segments);
        for (size_t i = first, slot = first % slots; i < end; i++) {
            bigs_complex v[8];
            UNROLL for (int q = 0; q < 8; q++)
                load_complex(some + q * apart + (i - from) * NUMBER, &v[q]);
            dft8(v, 1);
            UNROLL for (int q = 0; q < 8; q++)
                store_complex(x + (f + q) * NUMBER + slot * spacing, &v[q]);
            slot = slot + 1 < slots ? slot + 1 : 0;
        }
    }
}

/// The rows of a sequence, up to 16 channels of them, block by block.
typedef struct block_list {
    block_rows rows;
    size_t size, blocks, length;
    int backward;
} block_list;

/// `pass_block` of block `i`, which comes first in time for 0, whichever way that runs.
INLINE void pass_rows(
    const bigs_fourier *plan, const block_list *list, size_t i, float *x, const int writes) {
    block_rows rows = list->rows;
    const size_t start = (list->backward ? list->blocks - 1 - i : i) * list->size;
    rows.start += start * rows.stride;
    rows.count = list->length - start < list->size ? list->length - start : list->size;
    block_form form = ANY_ROWS;
    if (rows.channels == LANES && rows.count == list->size)
        form = rows.type == bigs_bfloat16 ? WHOLE_BFLOAT16 : WHOLE_FLOAT32;
    // One copy of the code for each form.
    if (form == WHOLE_BFLOAT16)
        pass_block(plan, &rows, x, writes, WHOLE_BFLOAT16);
    else if (form == WHOLE_FLOAT32)
        pass_block(plan, &rows, x, writes, WHOLE_FLOAT32);
    else
        pass_block(plan, &rows, x, writes, ANY_ROWS);
}

BIGS_CLONES
void bigs_partitioned(
    const bigs_fourier *plan, const float *spectrum, size_t row_floats, size_t segments,
    bigs_type type, void *data, size_t stride, size_t length, size_t channels, int backward,
    float *work) {
    const size_t size = plan->size, blocks = (length + size - 1) / size;
    const size_t spacing = spacing_of(size);
    const stretch part = stretch_of(size, blocks, segments);
    float *some = work, *x = some + LAST_RADIX * spacing_of(part.slots);
    block_list list = {{.type = type, .stride = stride}, size, blocks, length, backward};
    for (size_t channel = 0; channel < channels; channel += LANES) {
        list.rows.channels = channels - channel < LANES ? channels - channel : LANES;
        list.rows.start = (char *)data + channel * size_of(type);
        // From the last stretch to the first: outputs take the place of inputs, and no later one needs
        // them. The blocks before a stretch are, transformed, the last ones of what follows.
        size_t end = blocks, read = blocks;
        while (end > 0) {
            const size_t first = (end - 1) / part.outputs * part.outputs;
            const size_t from = first > part.before ? first - part.before : 0;
            for (size_t i = from; i < read; i++)
                pass_rows(plan, &list, i, x + i % part.slots * spacing, 0);
            read = from;
            multiply(
                x, size, from, first, end, part.slots, spectrum, row_floats, segments, some);
            for (size_t i = first; i < end; i++)
                pass_rows(plan, &list, i, x + i % part.slots * spacing, 1);
            end = first;
        }
    }
}

/// Lag `lag` of the kernel, `first` added to that of 0; zero outside.
INLINE float lag_of(const float *kernel, size_t length, float first, ptrdiff_t lag) {
    if (lag < 0 || lag >= (ptrdiff_t)length) return 0;
    return lag == 0 ? kernel[0] + first : kernel[lag];
}

BIGS_CLONES
void bigs_partitioned_spectrum(
    const bigs_fourier *plan, const float *kernel, size_t length, size_t segments, float first,
    int backward, float *spectrum, size_t row_floats, float *work) {
    const size_t size = plan->size;
    const float scale = 1 / (float)size;
    memset(spectrum, 0, size * row_floats * sizeof(float));
    // 16 segments at a time, each the signal of a lane.
    for (size_t base = 0; base < segments; base += LANES) {
        for (size_t t = 0; t < size; t++) {
            bigs_complex value = {0};
            for (size_t lane = 0; lane < LANES && base + lane < segments; lane++) {
                // An output t after an input, and one that comes size - t before it.
                ptrdiff_t middle = (ptrdiff_t)((base + lane) * size), after = (ptrdiff_t)t;
                ptrdiff_t before = after - (ptrdiff_t)size;
                value.re[lane] =
                    scale * lag_of(kernel, length, first, middle + (backward ? -after : after));
                if (t)
                    value.im[lane] = scale * lag_of(
                        kernel, length, first, middle + (backward ? -before : before));
            }
            rotate(&value, plan->twist + 2 * t, 0);
            store_complex(work + t * NUMBER, &value);
        }
        size_t span = size;
        for (int i = 0; i < plan->passes; i++) {
            if (plan->radices[i] == 4)
                fourier_pass(work, size, span, plan->factors[i], 4, 0);
            else
                fourier_pass(work, size, span, plan->factors[i], 8, 0);
            span /= plan->radices[i];
        }
        for (size_t f = 0; f < size; f++)
            for (size_t lane = 0; lane < LANES && base + lane < segments; lane++) {
                float *to = spectrum + f * row_floats + 2 * (base + lane);
                to[0] = work[f * NUMBER + lane];
                to[1] = work[f * NUMBER + LANES + lane];
            }
    }
}
