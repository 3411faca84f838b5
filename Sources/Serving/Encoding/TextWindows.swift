/// How a text that is longer than the model's window is read in several overlapping windows.
package struct TextWindows: Sendable, Hashable {
    /// Tokens that two neighbouring windows share; nil leaves it to ``overlap(size:)``.
    package var overlap: Int?

    /// Windows with so many tokens in common; nil is the usual number.
    package init(overlap: Int? = nil) { self.overlap = overlap }

    /// The overlap for windows of `size` tokens: what was asked for, else a 32nd. More costs as much more
    /// time and brings a text's vector no nearer to that of one pass, and its tokens' states little:
    /// cosines with an eighth and a 32nd, on manual pages with bigs-mini, are .986 and .988 for the
    /// vector, .90 and .88 for the states.
    package func overlap(size: Int) -> Int { overlap ?? size / 32 }

    /// The windows over `count` tokens: each has `size` tokens but the last, which has the rest;
    /// one starts `size - overlap` after the other, and none lies inside the one before. At least one.
    ///
    /// `size` must be above `overlap`.
    package static func ranges(count: Int, size: Int, overlap: Int) -> [Range<Int>] {
        (0..<number(count: count, size: size, overlap: overlap)).map { index in
            let start = index * (size - overlap)
            return start..<min(start + size, count)
        }
    }

    /// An overlap of all but one token would make a window of every token.
    private static let maximumCount = 4_096

    /// The most tokens that the windows of a request share with those before them: so many are held
    /// more than the request brought.
    private static let maximumShared = 1 << 22

    /// The same for a text of a request, of whose windows each has `repeated` tokens before its own;
    /// throws where they are too many, or have too much in common.
    /// - Parameters:
    ///   - field: what the request calls the overlap.
    ///   - input: the text's index in the request.
    static func ranges(
        count: Int, size: Int, overlap: Int, repeated: Int = 0, field: String, input: Int
    ) throws(ServiceError) -> [Range<Int>] {
        let number = number(count: count, size: size, overlap: overlap)
        guard number <= maximumCount else {
            throw .unfit(
                input: input, field: field,
                reason: "would be read in \(number) windows; at most \(maximumCount)")
        }
        try checkShared((number - 1) * (overlap + repeated), field: field)
        return ranges(count: count, size: size, overlap: overlap)
    }

    /// Throws where the windows of a request share so many tokens that they may not be held at once.
    static func checkShared(_ tokens: Int, field: String) throws(ServiceError) {
        guard tokens <= maximumShared else {
            throw .unsupported(
                field: field,
                reason: "\(tokens) tokens would be read in more than one window; at most "
                    + "\(maximumShared)")
        }
    }

    /// How many windows ``ranges(count:size:overlap:)`` gives.
    static func number(count: Int, size: Int, overlap: Int) -> Int {
        precondition(overlap >= 0 && size > overlap, "windows must move on")
        return 1 + (max(0, count - size) + size - overlap - 1) / (size - overlap)
    }

    /// For each window, the tokens whose states are taken from it: those that are nearer to its
    /// middle than to its neighbour's, so that every token has as much text around it as can be.
    /// Together they are all tokens, each once.
    package static func owned(_ windows: [Range<Int>]) -> [Range<Int>] {
        var owned = windows
        for index in windows.indices.dropFirst() {
            let shared = windows[index - 1].upperBound - windows[index].lowerBound
            let border = windows[index].lowerBound + shared / 2
            owned[index - 1] = owned[index - 1].lowerBound..<border
            owned[index] = border..<owned[index].upperBound
        }
        return owned
    }

    /// The mean of the windows' vectors, weighted by their numbers of tokens, in double precision and
    /// in order. A single window's vector is left as it is, bit for bit.
    package static func joined(_ vectors: [[Float]], tokens: [Int]) -> [Float] {
        guard vectors.count > 1, let size = vectors.first?.count else { return vectors.first ?? [] }
        var sums = Array(repeating: 0.0, count: size)
        for (vector, weight) in zip(vectors, tokens) {
            for column in 0..<size { sums[column] += Double(weight) * Double(vector[column]) }
        }
        let total = Double(tokens.reduce(0, +))
        return sums.map { Float($0 / total) }
    }
}
