package import Tokenization

/// One text to encode.
package enum EncodingInput: Sendable, Equatable {
    case text(String)
    /// Two texts that the model reads as one, parted by [SEP].
    case pair(String, String)
    /// Token ids, used verbatim: nothing is added to them.
    case tokens([Int32])
}

/// What the caller may decide about a text.
package struct EncodingRules: Sendable, Equatable {
    /// Whether a text over the window is cut; otherwise it is refused.
    package var truncate: Bool
    /// Which end of it is cut away.
    package var truncationSide: TruncationSide
    /// Reads a single text over the window in overlapping windows, instead of cutting or refusing it.
    package var windows: TextWindows?
    /// The prompt to put before texts that are embedded; nil takes the model's default, if any.
    package var promptName: String?
    /// What the cache may do.
    package var cache: CachePolicy

    /// Cuts at the end and uses the cache, unless told otherwise.
    package init(
        truncate: Bool = true, truncationSide: TruncationSide = .right,
        windows: TextWindows? = nil, promptName: String? = nil,
        cache: CachePolicy = CachePolicy()
    ) {
        self.truncate = truncate
        self.truncationSide = truncationSide
        self.windows = windows
        self.promptName = promptName
        self.cache = cache
    }
}

/// How much of a text was used.
package struct TokenUsage: Sendable, Equatable {
    /// Tokens of the whole text, special tokens included.
    package let tokens: Int
    /// Tokens the model saw of it (padding not counted).
    package let tokensUsed: Int

    /// A text of so many tokens, of which so many were used.
    package init(tokens: Int, tokensUsed: Int) {
        self.tokens = tokens
        self.tokensUsed = tokensUsed
    }

    /// Whether something was cut away.
    package var isTruncated: Bool { tokensUsed < tokens }
}

/// Where the answers came from.
package enum CacheOutcome: String, Sendable {
    case hit
    case miss
    case mixed
}

/// The numbers of a request, and what they took.
package struct EncodingResult: Sendable {
    /// One vector per input: the embedding before normalisation, or the head's raw scores.
    package var vectors: [[Float]]
    /// One per input.
    package var usage: [TokenUsage]
    /// Whether the vectors were computed or found.
    package var cache: CacheOutcome
    /// How many of what was looked up was found, and how many were not: a text, a pair or a window each,
    /// of which there may be more than inputs.
    package var hits: Int
    /// Those that were not.
    package var misses: Int
    /// For each input that was encoded, whether all of it was found.
    package var found: [Bool]
    /// Seconds since the oldest of those that were found was made; nil when none was.
    package var age: Int?
    /// What it took.
    package var timings: Timings

    init(
        vectors: [[Float]], usage: [TokenUsage], cache: CacheOutcome, hits: Int, misses: Int,
        found: [Bool], age: Int? = nil, timings: Timings
    ) {
        self.found = found
        self.age = age
        self.vectors = vectors
        self.usage = usage
        self.cache = cache
        self.hits = hits
        self.misses = misses
        self.timings = timings
    }

    /// What work took that nothing is kept of, and its vectors if it gives some.
    package init(uncached usage: [TokenUsage], vectors: [[Float]] = [], timings: Timings) {
        self.init(
            vectors: vectors, usage: usage, cache: .miss, hits: 0, misses: usage.count,
            found: usage.map { _ in false }, timings: timings)
    }

    /// A text whose encoding is kept as it was wanted.
    init(kept usage: TokenUsage) {
        self.init(usage: [usage], found: [true], timings: Timings())
    }

    /// Texts of which some were found as they were wanted, and the others were encoded.
    package init(usage: [TokenUsage], found: [Bool], timings: Timings) {
        let hits = found.count(where: \.self)
        self.init(
            vectors: [], usage: usage,
            cache: hits == found.count ? .hit : hits == 0 ? .miss : .mixed, hits: hits,
            misses: found.count - hits, found: found, timings: timings)
    }

    /// Counts the work of another call for the same request, whose texts came first; its vectors are not
    /// of the answer.
    package mutating func count(_ earlier: EncodingResult) {
        usage = earlier.usage + usage
        found = earlier.found + found
        hits += earlier.hits
        misses += earlier.misses
        if earlier.cache != cache { cache = .mixed }
        age = [earlier.age, age].compactMap { $0 }.max()
        timings += earlier.timings
    }

    /// Where the time went.
    package struct Timings: Sendable {
        /// From text to tokens.
        package var tokenization = Duration.zero
        /// From admission to the first pass.
        package var queue = Duration.zero
        /// In passes.
        package var inference = Duration.zero

        /// None yet.
        package init() {}

        init(tokenization: Duration, queue: Duration = .zero, inference: Duration = .zero) {
            self.tokenization = tokenization
            self.queue = queue
            self.inference = inference
        }

        static func += (sum: inout Timings, more: Timings) {
            sum.tokenization += more.tokenization
            sum.queue += more.queue
            sum.inference += more.inference
        }
    }
}
