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
    /// How many tokens the text had and how many were used.
    package let usage: TokenUsage
}

/// What a head answered, and what that took.
package struct HeadResult<Value: Sendable>: Sendable {
    /// One a text, in the order given.
    package let values: [Value]
    /// What it took.
    package let timings: EncodingResult.Timings
}

extension EncodingService {
    func require(_ head: Head) throws(ServiceError) {
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
        if rules.cache.isReadOnly { throw .notCached(input: 0) }
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

    /// The best answers to `question` in `context`, which is read in windows of at most
    /// `maximumLength` tokens (the model's window, if nil) that overlap by `stride`. Nothing is cut.
    package func answer(
        _ question: String, context: String, selection: AnswerSelection,
        maximumLength: Int? = nil, stride: Int? = nil, cache: CachePolicy = CachePolicy()
    ) async throws(ServiceError) -> (result: HeadResult<AnswerSpan>, usage: TokenUsage) {
        try require(.questionAnswering)
        if cache.isReadOnly { throw .notCached(input: 0) }
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
        let ranges = try TextWindows.ranges(
            count: read.ids.count, size: room, overlap: overlap, repeated: asked.ids.count,
            field: "doc_stride", input: 0)
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
        // Many windows have many spans: they are weighed aside from the pool that answers.
        let answers = await LongWork.run(bytes: .max) { [windows] in
            selection.answers(in: windows, context: context)
        }
        let tokens = asked.ids.count + read.ids.count + 3
        return (
            HeadResult(values: answers, timings: timings(start, tokenized, outcome)),
            TokenUsage(tokens: tokens, tokensUsed: tokens)
        )
    }

    func timings(
        _ start: ContinuousClock.Instant, _ tokenized: ContinuousClock.Instant,
        _ outcome: InferenceExecutor.Outcome
    ) -> EncodingResult.Timings {
        EncodingResult.Timings(
            tokenization: tokenized - start, queue: outcome.queueTime,
            inference: outcome.inferenceTime)
    }
}
