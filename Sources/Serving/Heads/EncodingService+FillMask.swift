import BiGSModel
import Tokenization

/// What could stand in place of one [MASK].
package struct MaskCandidate: Sendable, Equatable {
    /// The token's probability.
    package let score: Float
    /// The token's identifier.
    package let id: Int32
    /// The token by itself, as text.
    package let token: String
    /// The whole text with the token in its place.
    package let sequence: String
}

/// The candidates for every mask of one text.
package struct FilledText: Sendable {
    /// One list per mask, best first.
    package let masks: [[MaskCandidate]]
    /// How many tokens the text had and how many were used.
    package let usage: TokenUsage
}

extension EncodingService {
    /// The most bytes that the texts of all candidates may have together.
    static let maximumCandidateBytes = 1 << 26

    /// The likeliest tokens for every [MASK] of each text, as Hugging Face's fill-mask pipeline has
    /// them (transformers 4.57): softmax over the vocabulary, of which only `targets` are looked at
    /// where there are some. Throws `unsupported` for a text without a mask.
    package func fillMasks(
        _ inputs: [EncodingInput], rules: EncodingRules, top: Int, targets: [String]? = nil
    ) async throws(ServiceError) -> HeadResult<FilledText> {
        try require(.maskedLM)
        if rules.cache.isReadOnly { throw .notCached(input: 0) }
        guard let maskID = loaded.tokenizer.maskID else {
            throw .unsupported(field: "inputs", reason: "the vocabulary has no mask token")
        }
        let candidates = try await candidates(targets)
        let start = ContinuousClock.now
        var rules = rules
        rules.windows = nil
        let prepared = try await prepare(inputs, rules)
        let tokenized = ContinuousClock.now
        let vocabulary = loaded.configuration.vocabularySize
        var sequences: [TokenSequence] = []
        var masks: [[Int]] = []
        for (index, input) in prepared.enumerated() {
            let text = input.windows[0].sequence
            let rows = text.ids.indices.filter { text.ids[$0] == maskID }
            guard !rows.isEmpty else {
                let name = loaded.tokenizer.token(maskID) ?? "[MASK]"
                throw .unsupported(
                    field: "inputs[\(index)]",
                    reason: input.usage.isTruncated
                        ? "has no \(name) in the \(input.usage.tokensUsed) tokens that are left of "
                            + "its \(input.usage.tokens)" : "has no \(name)")
            }
            masks.append(rows)
            sequences.append(
                TokenSequence(
                    ids: text.ids, typeIDs: text.typeIDs, attentionMask: text.attentionMask,
                    scoredRows: rows))
        }
        let count = masks.reduce(0) { $0 + $1.count }
        guard count * vocabulary <= Self.maximumStateCount else {
            throw .unsupported(
                field: "inputs",
                reason: "\(count) masks are too many at once; at most "
                    + "\(Self.maximumStateCount / vocabulary)")
        }
        // Each candidate comes with all of the text that was used, of at most so many bytes a token.
        let kinds = min(top, candidates?.count ?? vocabulary)
        let bytes = zip(prepared, masks).reduce(0) { sum, text in
            sum + text.1.count * kinds * 16 * text.0.usage.tokensUsed
        }
        guard bytes <= Self.maximumCandidateBytes else {
            throw .unsupported(
                field: "top_k",
                reason:
                    "\(count) masks with \(kinds) candidates each make about \(bytes) bytes; at "
                    + "most \(Self.maximumCandidateBytes); ask for fewer")
        }
        let outcome = try await executor.run(
            sequences, outputs: .logits,
            model: loaded.model)
        // Ranking a vocabulary for each mask takes a while: aside from the pool that answers.
        let texts = try await LongWork.run(bytes: .max) {
            [masks, sequences] () throws(ServiceError) in
            try outcome.outputs.indices.map { index throws(ServiceError) in
                try self.filled(
                    outcome.outputs[index], sequences[index], masks[index], candidates,
                    top: top, prepared[index])
            }
        }
        return HeadResult(values: texts, timings: timings(start, tokenized, outcome))
    }

    /// The tokens that `targets` name: the one of that name, else the first of its pieces. nil is all.
    private func candidates(_ targets: [String]?) async throws(ServiceError) -> [Int32]? {
        guard let targets else { return nil }
        var ids: [Int32] = []
        var known: Set<Int32> = []
        for (index, target) in targets.enumerated() {
            var id = loaded.tokenizer.id(of: target)
            if id == nil { id = try await tokenize(target, addSpecialTokens: false).ids.first }
            guard let id else {
                throw .unsupported(
                    field: "targets[\(index)]", reason: "is no token of the vocabulary")
            }
            if known.insert(id).inserted { ids.append(id) }
        }
        guard !ids.isEmpty else {
            throw .unsupported(field: "targets", reason: "cannot be empty")
        }
        return ids
    }

    private func filled(
        _ output: SequenceOutput, _ sequence: TokenSequence, _ masks: [Int],
        _ candidates: [Int32]?, top: Int, _ input: PreparedInput
    ) throws(ServiceError) -> FilledText {
        let logits = output.logits ?? []
        guard logits.allSatisfy(\.isFinite) else { throw .notFinite(input: input.windows[0].input) }
        let vocabulary = loaded.configuration.vocabularySize
        let ids = Array(sequence.ids.prefix(input.usage.tokensUsed))
        return FilledText(
            masks: masks.enumerated().map { number, row in
                ranked(
                    logits[number * vocabulary..<(number + 1) * vocabulary], candidates, top: top,
                    at: row, of: ids, isOnly: masks.count == 1)
            }, usage: input.usage)
    }

    private func ranked(
        _ logits: ArraySlice<Float>, _ candidates: [Int32]?, top: Int, at row: Int,
        of ids: [Int32], isOnly: Bool
    ) -> [MaskCandidate] {
        let scores = Probabilities.softmax(logits)
        let tokenizer = loaded.tokenizer
        let known =
            candidates ?? scores.indices.map(Int32.init).filter { tokenizer.token($0) != nil }
        let order = known.sorted { (scores[Int($0)], $1) > (scores[Int($1)], $0) }
        return order.prefix(top).map { id in
            var filled = ids
            filled[row] = id
            // The decoder knows every id here: those of the text and those of the vocabulary.
            let text = try? tokenizer.decode(
                filled.filter { $0 != tokenizer.padID }, skipSpecialTokens: isOnly)
            let token = try? tokenizer.decode([id], skipSpecialTokens: false)
            return MaskCandidate(
                score: scores[Int(id)], id: id, token: token ?? "", sequence: text ?? "")
        }
    }
}
