#include "CKernels.h"
#include "clones.h"

#include <string.h>

#define STRIP 64

// Whether any of the places has both bytes; written so that compilers compare a strip at once.
static inline __attribute__((always_inline)) int may_begin(
    const uint8_t *first, const uint8_t *last, uint8_t a, uint8_t b) {
    uint8_t any = 0;
    for (size_t i = 0; i < STRIP; i++) any |= (uint8_t)((first[i] == a) & (last[i] == b));
    return any;
}

BIGS_CLONES
size_t bigs_find_bytes(
    const uint8_t *bytes, size_t count, size_t start, const uint8_t *part, size_t length) {
    if (length == 0 || length > count) return count;
    const uint8_t first = part[0], last = part[length - 1];
    const size_t end = count - length + 1;
    size_t place = start;
    while (place < end) {
        const size_t strip = end - place < STRIP ? end - place : STRIP;
        if (strip == STRIP && !may_begin(bytes + place, bytes + place + length - 1, first, last)) {
            place += STRIP;
            continue;
        }
        for (size_t i = place; i < place + strip; i++)
            if (bytes[i] == first && memcmp(bytes + i, part, length) == 0) return i;
        place += strip;
    }
    return count;
}
