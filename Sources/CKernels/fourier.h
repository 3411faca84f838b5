#pragma once
// Transforms of 16 channels at a time: each vector lane is a signal of its own, so nothing is
// transposed. Forward transforms leave their result in the order that decimation in frequency makes;
// inverse ones take it so, and products of spectra do not care.
#include "blocks.h"

#define BIGS_MAXIMUM_PASSES 4
/// The radix of the last forward pass and of the first inverse one, which have no factors.
#define LAST_RADIX 8
/// The floats of a complex number in memory.
#define NUMBER (2 * LANES)
#define UNROLL _Pragma("clang loop unroll(full)")

/// Radices and factors of a transform of `size` complex numbers; at least two passes.
struct bigs_fourier {
    size_t size;
    int passes;
    int radices[BIGS_MAXIMUM_PASSES];
    /// For each pass (radix - 1) factors for each of its positions.
    float *factors[BIGS_MAXIMUM_PASSES];
    /// exp(-i pi t / 2 size): what makes a product of transforms wrap around with a factor of -i.
    float *twist;
};

INLINE void dft4(bigs_complex *x, const int inverse) {
    bigs_complex a, b, c, d;
    a.re = x[0].re + x[2].re, a.im = x[0].im + x[2].im;
    b.re = x[0].re - x[2].re, b.im = x[0].im - x[2].im;
    c.re = x[1].re + x[3].re, c.im = x[1].im + x[3].im;
    if (inverse)
        d.re = x[3].im - x[1].im, d.im = x[1].re - x[3].re;
    else
        d.re = x[1].im - x[3].im, d.im = x[3].re - x[1].re;
    x[0].re = a.re + c.re, x[0].im = a.im + c.im;
    x[1].re = b.re + d.re, x[1].im = b.im + d.im;
    x[2].re = a.re - c.re, x[2].im = a.im - c.im;
    x[3].re = b.re - d.re, x[3].im = b.im - d.im;
}

INLINE void dft8(bigs_complex *x, const int inverse) {
    const float half = 0.70710678118654752f;
    bigs_complex even[4] = {x[0], x[2], x[4], x[6]}, odd[4] = {x[1], x[3], x[5], x[7]}, t;
    dft4(even, inverse);
    dft4(odd, inverse);
    x[0].re = even[0].re + odd[0].re, x[0].im = even[0].im + odd[0].im;
    x[4].re = even[0].re - odd[0].re, x[4].im = even[0].im - odd[0].im;
    if (inverse)
        t.re = (odd[1].re - odd[1].im) * half, t.im = (odd[1].im + odd[1].re) * half;
    else
        t.re = (odd[1].re + odd[1].im) * half, t.im = (odd[1].im - odd[1].re) * half;
    x[1].re = even[1].re + t.re, x[1].im = even[1].im + t.im;
    x[5].re = even[1].re - t.re, x[5].im = even[1].im - t.im;
    if (inverse)
        t.re = -odd[2].im, t.im = odd[2].re;
    else
        t.re = odd[2].im, t.im = -odd[2].re;
    x[2].re = even[2].re + t.re, x[2].im = even[2].im + t.im;
    x[6].re = even[2].re - t.re, x[6].im = even[2].im - t.im;
    if (inverse)
        t.re = -(odd[3].re + odd[3].im) * half, t.im = (odd[3].re - odd[3].im) * half;
    else
        t.re = (odd[3].im - odd[3].re) * half, t.im = -(odd[3].re + odd[3].im) * half;
    x[3].re = even[3].re + t.re, x[3].im = even[3].im + t.im;
    x[7].re = even[3].re - t.re, x[7].im = even[3].im - t.im;
}

INLINE void dft(bigs_complex *x, const int radix, const int inverse) {
    if (radix == 4)
        dft4(x, inverse);
    else
        dft8(x, inverse);
}

/// x times re + i im, or, inverse, re - i im.
INLINE void rotate(bigs_complex *x, const float *factor, const int inverse) {
    float re = factor[0], im = inverse ? -factor[1] : factor[1];
    bigs_f16 product = x->re * re - x->im * im;
    x->im = x->im * re + x->re * im;
    x->re = product;
}

INLINE void load_complex(const float *from, bigs_complex *to) {
    to->re = *(const bigs_f16 *)from;
    to->im = *(const bigs_f16 *)(from + LANES);
}

INLINE void store_complex(float *to, const bigs_complex *from) {
    *(bigs_f16 *)to = from->re;
    *(bigs_f16 *)(to + LANES) = from->im;
}

/// One pass in place over groups of `span` numbers of 32 floats.
INLINE void fourier_pass(
    float *x, size_t size, size_t span, const float *factors, const int radix, const int inverse) {
    const size_t step = span / radix;
    // Groups lie a multiple of 4,096 bytes apart: one after the other, each would seem to read what
    // the one before has just written.
    for (size_t group = 0; group < size; group += span)
        for (size_t j = 0; j < step; j++) {
            const float *factor = factors + 2 * (radix - 1) * j;
            float *place = x + (group + j) * NUMBER;
            bigs_complex v[8];
            UNROLL for (int q = 0; q < radix; q++) {
                load_complex(place + q * step * NUMBER, &v[q]);
                if (inverse && q) rotate(&v[q], factor + 2 * (q - 1), 1);
            }
            dft(v, radix, inverse);
            UNROLL for (int q = 0; q < radix; q++) {
                if (!inverse && q) rotate(&v[q], factor + 2 * (q - 1), 0);
                store_complex(place + q * step * NUMBER, &v[q]);
            }
        }
}

/// The passes between the first and the last.
INLINE void fourier_middle(const struct bigs_fourier *plan, float *x, const int inverse) {
    size_t span = inverse ? LAST_RADIX : plan->size / plan->radices[0];
    for (int i = 1; i + 1 < plan->passes; i++) {
        const int pass = inverse ? plan->passes - 1 - i : i;
        const int radix = plan->radices[pass];
        if (inverse) span *= radix;
        if (radix == 4)
            fourier_pass(x, plan->size, span, plan->factors[pass], 4, inverse);
        else
            fourier_pass(x, plan->size, span, plan->factors[pass], 8, inverse);
        if (!inverse) span /= radix;
    }
}
