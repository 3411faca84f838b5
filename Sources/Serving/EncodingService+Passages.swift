import BiGSModel

/// A passage, and the granularity that cut it.
package typealias CutPassage = (granularity: Granularity, passage: ChunkedPassage)

/// Passages of texts, by late chunking.
extension EncodingService {
    /// The most token states that the passages of one text may be pooled from, counted anew for each
    /// passage: overlapping windows of nearly the whole text would keep a core busy for minutes.
    package static let maximumPooledStates = 1 << 21

    /// The most characters that the passages of one text may have together, each counted anew: a word of
    /// any length is one token.
    package static let maximumPassageCharacters = 1 << 25

    /// The pooling that a caller asked for by name, or the model's own. Throws `unsupported` where the
    /// checkpoint has no such pooling, or where one of `granularities` has no vectors under it: a
    /// pooler's weights were made for whole texts.
    /// - Parameter field: what the caller named the granularities.
    package func pooling(
        _ asked: Pooling?, for granularities: [Granularity], field: String = "granularity"
    ) throws(ServiceError) -> Pooling {
        let pooling = asked ?? loaded.pooling
        guard pooling == .pooler else { return pooling }
        guard loaded.model.hasPooler else {
            throw .unsupported(field: "pooling", reason: "the checkpoint has no pooler")
        }
        if granularities.contains(where: { $0 != .document }) {
            throw asked == nil
                ? .unsupported(
                    field: field,
                    reason: "this model's vectors come out of its pooler, which reads whole texts; "
                        + "passages need another pooling (--pooling mean)")
                : .unsupported(
                    field: "pooling", reason: "a pooler reads whole texts; passages need another")
        }
        return pooling
    }

    /// The passages of each granularity, in order; otherwise as those of one.
    package func passages(
        of states: TextStates, whole: [Float], text: String, _ granularities: [Granularity],
        pooling: Pooling, input: Int = 0
    ) async throws(ServiceError) -> [CutPassage] {
        var passages: [CutPassage] = []
        for granularity in granularities {
            passages += try await self.passages(
                of: states, whole: whole, text: text, granularity, pooling: pooling, input: input
            ).map { (granularity, $0) }
        }
        return passages
    }

    /// The passages of `text` that `granularity` cuts, from the states of its tokens, pooled as `pooling`
    /// pools whole texts: the mean for all but `max` and `last-token`. The whole text itself has
    /// `whole`, the vector of its pass. Runs aside from the pool that answers.
    ///
    /// A caller's spans all have their passage; of the others, those that no token was seen of are
    /// left out.
    /// - Parameter input: the text's index in the request, for errors.
    /// - Throws: `unsupported` where there would be too much to pool.
    package func passages(
        of states: TextStates, whole: [Float], text: String, _ granularity: Granularity,
        pooling: Pooling, input: Int = 0
    ) async throws(ServiceError) -> [ChunkedPassage] {
        if granularity == .document {
            let all = 0..<text.unicodeScalars.count
            return [
                ChunkedPassage(
                    range: states.isTruncated ? TextStates.seen(states.offsets) ?? all : all,
                    tokens: states.offsets.count, vector: whole)
            ]
        }
        return try await offPool(bytes: max(text.utf8.count, states.values.count)) {
            let ranges = granularity.spans(of: text, tokens: states.offsets)
            let pooled = LateChunking.tokenCounts(ranges, offsets: states.offsets).reduce(0, +)
            guard pooled <= Self.maximumPooledStates else {
                return .failure(
                    .unsupported(
                        field: "granularity",
                        reason:
                            "\(ranges.count) passages with \(pooled) tokens in all are too many; at "
                            + "most \(Self.maximumPooledStates) tokens"))
            }
            let characters = ranges.reduce(0) { $0 + $1.count }
            guard characters <= Self.maximumPassageCharacters else {
                return .failure(
                    .unsupported(
                        field: "granularity",
                        reason:
                            "\(ranges.count) passages with \(characters) characters in all are too "
                            + "many; at most \(Self.maximumPassageCharacters) characters"))
            }
            var passages = states.passages(ranges, pooling: pooling)
            if case .spans = granularity {} else { passages.removeAll { $0.vector == nil } }
            guard passages.allSatisfy({ $0.vector?.allSatisfy(\.isFinite) ?? true }) else {
                return .failure(.notFinite(input: input))
            }
            return .success(passages)
        }
    }
}
