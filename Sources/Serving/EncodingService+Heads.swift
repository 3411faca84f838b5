import BiGSModel
import Tokenization

/// The raw scores that a head gives the tokens of one text.
package struct TokenScores: Sendable {
    /// Row-major [T, labels].
    package let logits: [Float]
    /// The tokens' ids, [T].
    package let tokenIDs: [Int32]
    /// Where they stand in the text, in Unicode scalars; `0..<0` for special tokens, [T].
    package let offsets: [Range<Int>]
    package let usage: TokenUsage
}

/// What could stand in place of one [MASK].
package struct MaskCandidate: Sendable, Equatable {
    package let score: Float
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
    package let usage: TokenUsage
}

/// What a head answered, and what that took.
package struct HeadResult<Value: Sendable>: Sendable {
    package let values: [Value]
    package let timings: EncodingResult.Timings
}

extension EncodingService {
    private func require(_ head: Head) throws(ServiceError) {
        guard loaded.model.head == head else {
            throw .headMissing(needed: head, available: loaded.heads)
        }
    }

    /// A score per label for each token. A text in windows has each token once, with its scores from
    /// the window that shows most text around it. Nothing is kept.
    package func classifyTokens(
        _ inputs: [EncodingInput], rules: EncodingRules
    ) async throws(ServiceError) -> HeadResult<TokenScores> {
        try require(.tokenClassification)
        let start = ContinuousClock.now
        let prepared = try await prepare(inputs, rules)
        let tokenized = ContinuousClock.now
        let outcome = try await executor.run(
            prepared.flatMap(\.windows).map(\.sequence), outputs: .logits,
            model: loaded.model)
        let labels = loaded.configuration.labels.count
        var outputs = outcome.outputs[...]
        var texts: [TokenScores] = []
        for (index, input) in prepared.enumerated() {
            var logits: [Float] = []
            var ids: [Int32] = []
            var offsets: [Range<Int>] = []
            for window in input.windows {
                let scores = outputs.removeFirst().logits ?? []
                guard scores.allSatisfy(\.isFinite) else { throw .notFinite(input: index) }
                logits +=
                    scores[window.owned.lowerBound * labels..<window.owned.upperBound * labels]
                ids += window.sequence.ids[window.owned]
                offsets += window.offsets[window.owned]
            }
            texts.append(
                TokenScores(logits: logits, tokenIDs: ids, offsets: offsets, usage: input.usage))
        }
        return HeadResult(values: texts, timings: timings(start, tokenized, outcome))
    }

    /// The likeliest tokens for every [MASK] of each text, as Hugging Face's fill-mask pipeline has
    /// them (transformers 4.57): softmax over the vocabulary, of which only `targets` are looked at
    /// where there are some. Throws `unsupported` for a text without a mask.
    package func fillMasks(
        _ inputs: [EncodingInput], rules: EncodingRules, top: Int, targets: [String]? = nil
    ) async throws(ServiceError) -> HeadResult<FilledText> {
        try require(.maskedLM)
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
        let outcome = try await executor.run(
            sequences, outputs: .logits,
            model: loaded.model)
        var texts: [FilledText] = []
        for (index, output) in outcome.outputs.enumerated() {
            let logits = output.logits ?? []
            guard logits.allSatisfy(\.isFinite) else { throw .notFinite(input: index) }
            let used = prepared[index].usage.tokensUsed
            let ids = Array(sequences[index].ids.prefix(used))
            var lists: [[MaskCandidate]] = []
            for (number, row) in masks[index].enumerated() {
                lists.append(
                    ranked(
                        logits[number * vocabulary..<(number + 1) * vocabulary], candidates,
                        top: top, at: row, of: ids, isOnly: masks[index].count == 1))
            }
            texts.append(FilledText(masks: lists, usage: prepared[index].usage))
        }
        return HeadResult(values: texts, timings: timings(start, tokenized, outcome))
    }

    /// The tokens that `targets` name: the one of that name, else the first of its pieces. nil is all.
    private func candidates(_ targets: [String]?) async throws(ServiceError) -> [Int32]? {
        guard let targets else { return nil }
        var ids: [Int32] = []
        for (index, target) in targets.enumerated() {
            var id = loaded.tokenizer.id(of: target)
            if id == nil { id = try await tokenize(target, addSpecialTokens: false).ids.first }
            guard let id else {
                throw .unsupported(
                    field: "targets[\(index)]", reason: "is no token of the vocabulary")
            }
            if !ids.contains(id) { ids.append(id) }
        }
        guard !ids.isEmpty else {
            throw .unsupported(field: "targets", reason: "cannot be empty")
        }
        return ids
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

    /// The best answers to `question` in `context`, which is read in windows of at most
    /// `maximumLength` tokens (the model's window, if nil) that overlap by `stride`. Nothing is cut.
    package func answer(
        _ question: String, context: String, selection: AnswerSelection,
        maximumLength: Int? = nil, stride: Int? = nil
    ) async throws(ServiceError) -> (result: HeadResult<AnswerSpan>, usage: TokenUsage) {
        try require(.questionAnswering)
        let start = ContinuousClock.now
        let asked = try await tokenize(question, addSpecialTokens: false)
        let read = try await tokenize(context, addSpecialTokens: false)
        let length = min(maximumLength ?? loaded.window, loaded.window)
        let room = length - asked.ids.count - 3
        guard room > 0 else {
            throw .unsupported(
                field: "question",
                reason: "has \(asked.ids.count) tokens, which leaves no room for the context in "
                    + "\(length)")
        }
        let overlap = stride ?? min(length / 2, 128, room / 2)
        guard overlap < room else {
            throw .unsupported(
                field: "doc_stride", reason: "expected less than \(room) tokens, got \(overlap)")
        }
        guard !read.ids.isEmpty else {
            throw .unsupported(field: "context", reason: "has no words")
        }
        let ranges = TextWindows.ranges(count: read.ids.count, size: room, overlap: overlap)
        guard ranges.count <= 4_096 else {
            throw .unsupported(
                field: "doc_stride", reason: "the context would be read in \(ranges.count) windows")
        }
        let first = asked.ids.count + 2
        let tokenizer = loaded.tokenizer
        let preparation = TextPreparation(loaded: loaded, rules: EncodingRules(), prompt: nil)
        let sequences = ranges.map { range in
            preparation.padded(
                TokenSequence(
                    ids: [tokenizer.classifyID] + asked.ids + [tokenizer.separatorID]
                        + read.ids[range] + [tokenizer.separatorID],
                    typeIDs: Array(repeating: 0, count: first)
                        + Array(repeating: 1, count: range.count + 1)))
        }
        let tokenized = ContinuousClock.now
        let outcome = try await executor.run(
            sequences, outputs: .logits,
            model: loaded.model)
        var windows: [AnswerWindow] = []
        for (range, output) in zip(ranges, outcome.outputs) {
            let (starts, ends) = (output.startLogits ?? [], output.endLogits ?? [])
            guard starts.allSatisfy(\.isFinite), ends.allSatisfy(\.isFinite) else {
                throw .notFinite(input: 0)
            }
            let none = Array(repeating: 0..<0, count: first)
            windows.append(
                AnswerWindow(
                    start: starts, end: ends, context: first..<first + range.count,
                    offsets: none + read.offsets[range],
                    continues: Array(repeating: false, count: first)
                        + read.ids[range].map(tokenizer.continuesWord)))
        }
        let answers = selection.answers(in: windows, context: context)
        let tokens = asked.ids.count + read.ids.count + 3
        return (
            HeadResult(values: answers, timings: timings(start, tokenized, outcome)),
            TokenUsage(tokens: tokens, tokensUsed: tokens)
        )
    }

    private func timings(
        _ start: ContinuousClock.Instant, _ tokenized: ContinuousClock.Instant,
        _ outcome: InferenceExecutor.Outcome
    ) -> EncodingResult.Timings {
        EncodingResult.Timings(
            tokenization: tokenized - start, queue: outcome.queueTime,
            inference: outcome.inferenceTime)
    }
}
