/// A passage of a text, and its vector.
package struct ChunkedPassage: Sendable, Equatable {
    /// Where it stands in the text, in Unicode scalars.
    package let range: Range<Int>
    /// How many of its tokens went into the vector.
    package let tokens: Int
    /// Its vector, [H], not normalised; nil where none of it was seen: white space, or what
    /// truncation cut away.
    package let vector: [Float]?

    /// A passage of so many tokens at `range`, in Unicode scalars; no vector where it has no token.
    package init(range: Range<Int>, tokens: Int, vector: [Float]?) {
        self.range = range
        self.tokens = tokens
        self.vector = vector
    }
}

/// Late chunking (arXiv 2409.04701): the whole text goes through the encoder once, and a passage's
/// vector is pooled from the states of its own tokens, which know the text around them. Pure.
package enum LateChunking {
    /// One passage for each of `ranges`, pooled from `states` [T, H] of tokens at `offsets` [T].
    ///
    /// A token belongs to the range that its first scalar lies in; a range inside a single token has
    /// that token. Passages that do not overlap therefore share no token. Where truncation cut a
    /// passage, its range is what was seen of it.
    /// - Parameter pooling: `max` and `lastToken` pool as they do for whole texts; all else takes the mean,
    ///   summed in double precision in order.
    package static func passages(
        _ ranges: [Range<Int>], states: [Float], offsets: [Range<Int>], hiddenSize: Int,
        pooling: Pooling = .mean, isTruncated: Bool = false
    ) -> [ChunkedPassage] {
        let rows = offsets.indices.filter { !offsets[$0].isEmpty }
        guard let first = rows.first, let last = rows.last else {
            return ranges.map { ChunkedPassage(range: $0, tokens: 0, vector: nil) }
        }
        let seen = offsets[first].lowerBound..<offsets[last].upperBound
        return ranges.map { range in
            let own = Self.rows(rows, in: range, offsets)
            guard !own.isEmpty else { return ChunkedPassage(range: range, tokens: 0, vector: nil) }
            return ChunkedPassage(
                range: isTruncated ? range.clamped(to: seen) : range, tokens: own.count,
                vector: pooled(own, states, hiddenSize, pooling))
        }
    }

    /// How many tokens each of `ranges` has.
    package static func tokenCounts(_ ranges: [Range<Int>], offsets: [Range<Int>]) -> [Int] {
        let rows = offsets.indices.filter { !offsets[$0].isEmpty }
        return ranges.map { Self.rows(rows, in: $0, offsets).count }
    }

    /// The tokens of a range: `rows` is in the order of the text, so two binary searches find them.
    private static func rows(
        _ rows: [Int], in range: Range<Int>, _ offsets: [Range<Int>]
    ) -> ArraySlice<Int> {
        func first(startingAt place: Int) -> Int {
            var low = 0
            var high = rows.count
            while low < high {
                let middle = (low + high) / 2
                if offsets[rows[middle]].lowerBound < place {
                    low = middle + 1
                } else {
                    high = middle
                }
            }
            return low
        }
        let start = first(startingAt: range.lowerBound)
        let end = first(startingAt: range.upperBound)
        if start < end { return rows[start..<end] }
        // No token starts here: the one before may reach into the range.
        guard !range.isEmpty, start > 0, offsets[rows[start - 1]].upperBound > range.lowerBound
        else {
            return []
        }
        return rows[start - 1..<start]
    }

    /// The vector of some rows of states, [H]; there has to be one row at least.
    static func pooled(
        _ rows: ArraySlice<Int>, _ states: [Float], _ size: Int, _ pooling: Pooling
    ) -> [Float] {
        switch pooling {
        case .lastToken:
            guard let last = rows.last else { return [] }
            return Array(states[last * size..<(last + 1) * size])
        case .max:
            var vector = Array(repeating: -Float.infinity, count: size)
            for row in rows {
                for column in 0..<size {
                    vector[column] = Swift.max(vector[column], states[row * size + column])
                }
            }
            return vector
        case .mean, .cls, .pooler:
            var sums = Array(repeating: 0.0, count: size)
            for row in rows {
                for column in 0..<size { sums[column] += Double(states[row * size + column]) }
            }
            return sums.map { Float($0 / Double(rows.count)) }
        }
    }
}
