import BiGSModel

/// A passage, and the granularity that cut it.
package typealias CutPassage = (granularity: Granularity, passage: ChunkedPassage)

/// Passages of texts, by late chunking.
extension EncodingService {
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
        pooling: Pooling, within allowance: inout PassageAllowance, input: Int = 0
    ) async throws(ServiceError) -> [CutPassage] {
        var passages: [CutPassage] = []
        for granularity in granularities {
            passages += try await self.passages(
                of: states, whole: whole, text: text, granularity, pooling: pooling,
                within: &allowance, input: input
            ).map { (granularity, $0) }
        }
        return passages
    }

    private typealias Cut = (passages: [ChunkedPassage], left: PassageAllowance)

    /// The passages of `text` that `granularity` cuts, from the states of its tokens, pooled as `pooling`
    /// pools whole texts: the mean for all but `max` and `last-token`. The whole text itself has
    /// `whole`, the vector of its pass. Runs aside from the pool that answers.
    ///
    /// A caller's spans all have their passage; of the others, those that no token was seen of are
    /// left out.
    /// - Parameters:
    ///   - allowance: what the passages of the request may come to; these are taken from it.
    ///   - input: the text's index in the request, for errors.
    /// - Throws: `unsupported` where there would be too much to pool.
    package func passages(
        of states: TextStates, whole: [Float], text: String, _ granularity: Granularity,
        pooling: Pooling, within allowance: inout PassageAllowance, input: Int = 0
    ) async throws(ServiceError) -> [ChunkedPassage] {
        if granularity == .document {
            let all = 0..<text.unicodeScalars.count
            return [
                ChunkedPassage(
                    range: states.isTruncated ? TextStates.seen(states.offsets) ?? all : all,
                    tokens: states.offsets.count, vector: whole)
            ]
        }
        let bytes = max(text.utf8.count, 4 * states.values.count)
        let cut: Cut = try await LongWork.run(bytes: bytes) { [allowance] () throws(ServiceError) in
            let ranges = granularity.spans(of: text, tokens: states.offsets)
            let tokens = LateChunking.tokenCounts(ranges, offsets: states.offsets)
            var allowance = allowance
            var keepsEmpty = false
            if case .spans = granularity { keepsEmpty = true }
            try allowance.take(
                ranges, tokens: tokens, size: states.columns, keepsEmpty: keepsEmpty)
            var passages = states.passages(ranges, pooling: pooling)
            if !keepsEmpty { passages.removeAll { $0.vector == nil } }
            guard passages.allSatisfy({ $0.vector?.allSatisfy(\.isFinite) ?? true }) else {
                throw .notFinite(input: input)
            }
            return (passages, allowance)
        }
        allowance = cut.left
        return cut.passages
    }
}
