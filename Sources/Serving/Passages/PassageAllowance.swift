/// How much the passages of one request, or of one document that is kept, may come to, all texts and ways
/// of cutting together: they may overlap, so that a small text can have any number of them.
package struct PassageAllowance: Sendable {
    /// The most numbers in all vectors.
    package static let maximumNumbers = 1 << 24
    /// The most token states that vectors are pooled from, counted anew for each passage: overlapping
    /// windows of nearly the whole text would keep a core busy for minutes.
    package static let maximumStates = 1 << 22
    /// The most characters, counted anew for each passage: a word of any length is one token.
    package static let maximumCharacters = 1 << 25

    /// What the caller named the ways of cutting, for errors.
    private let field: String
    private var passages = 0
    private var states = 0
    private var characters = 0

    /// All of it is left.
    package init(field: String = "granularity") { self.field = field }

    /// Takes what passages need whose ranges and numbers of tokens these are, each with a vector of
    /// `size` numbers; throws `unsupported` where not so much is left.
    /// - Parameter keepsEmpty: whether passages that no token was seen of are kept, without a vector.
    mutating func take(
        _ ranges: [Range<Int>], tokens: [Int], size: Int, keepsEmpty: Bool
    ) throws(ServiceError) {
        for (range, count) in zip(ranges, tokens) where count > 0 || keepsEmpty {
            passages += 1
            states += count
            characters += range.count
        }
        let limits = [
            ("passages", passages, Self.maximumNumbers / max(size, 1)),
            ("tokens of passages", states, Self.maximumStates),
            ("characters of passages", characters, Self.maximumCharacters),
        ]
        for (things, count, limit) in limits where count > limit {
            throw .unsupported(
                field: field, reason: "makes \(count) \(things); at most \(limit) in one request")
        }
    }
}
