#include "CKernels.h"
#include "clones.h"

#include <string.h>

typedef uint8_t strip __attribute__((vector_size(64), aligned(1)));

// Which places of a strip have both bytes, as bits.
static inline __attribute__((always_inline)) uint64_t beginnings(
    const uint8_t *first, const uint8_t *last, uint8_t a, uint8_t b) {
    typedef _Bool bits __attribute__((ext_vector_type(64)));
    const strip both = (strip)(*(const strip *)first == a) & (strip)(*(const strip *)last == b);
    const bits found = __builtin_convertvector(both, bits);
    uint64_t word;
    memcpy(&word, &found, sizeof word);
    return word;
}

BIGS_CLONES
size_t bigs_find_bytes(
    const uint8_t *bytes, size_t count, size_t start, const uint8_t *part, size_t length) {
    if (length == 0 || length > count) return count;
    const uint8_t first = part[0], last = part[length - 1];
    const size_t end = count - length + 1;
    size_t place = start;
    for (; place + 64 <= end; place += 64) {
        uint64_t word = beginnings(bytes + place, bytes + place + length - 1, first, last);
        for (; word != 0; word &= word - 1) {
            const size_t found = place + (size_t)__builtin_ctzll(word);
            if (memcmp(bytes + found, part, length) == 0) return found;
        }
    }
    for (; place < end; place++)
        if (bytes[place] == first && memcmp(bytes + place, part, length) == 0) return place;
    return count;
}
