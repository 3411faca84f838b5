internal import CKernels

/// Finds a run of bytes in others, many at a time.
package enum ByteSearch {
    /// Calls `body` with each place, in order, where `part` begins in `bytes`; the next is looked for
    /// from where `body` says. No part is at no place.
    package static func forEachPlace(
        of part: [UInt8], in bytes: [UInt8], _ body: (Int) -> Int
    ) {
        bytes.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            var start = 0
            while start < buffer.count {
                let place = bigs_find_bytes(base, buffer.count, start, part, part.count)
                if place == buffer.count { return }
                start = max(body(place), place + 1)
            }
        }
    }
}
