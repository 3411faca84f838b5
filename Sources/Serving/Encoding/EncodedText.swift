import BiGSModel
import DocumentStore

/// A text that went through the encoder once: its vector, and the state of each of its tokens.
package struct EncodedText: Sendable {
    /// The pooled vector, [H], not normalised: the same bytes as `EncodingService.embed` gives. Of texts
    /// that were encoded to be judged, the head's raw scores.
    package let pooled: [Float]
    /// The last layer's states, row-major [T, H], padding left out.
    package let states: [Float]
    /// Where each token stands in the text, in Unicode scalars, [T]; `0..<0` for special tokens, for
    /// those of a prompt, and for all of an input that came as token ids.
    package let offsets: [Range<Int>]
    /// The ids of the tokens, [T].
    package let tokenIDs: [Int32]
    /// How many tokens the text had, and how many were used.
    package let usage: TokenUsage
    /// H.
    package let hiddenSize: Int

    /// The states with their places, to be cut into passages.
    package var textStates: TextStates {
        TextStates(
            values: states, columns: hiddenSize, offsets: offsets, isTruncated: usage.isTruncated)
    }
}

/// Encoded texts, and what they took.
package struct EncodedTexts: Sendable {
    /// One per input.
    package let texts: [EncodedText]
    /// What it took.
    package let timings: EncodingResult.Timings

    /// Their vectors as work that was computed and that nothing is kept of.
    package var result: EncodingResult {
        EncodingResult(
            uncached: texts.map(\.usage), vectors: texts.map(\.pooled), timings: timings)
    }
}

extension EncodingService {
    /// The most numbers that the states of one request may have: 256 MB.
    package static let maximumStateCount = 1 << 26

    /// Encodes each text once, for its vector and its tokens' states. Nothing is looked up or kept:
    /// states are a thousand times larger than a vector. So who wants what is kept alone gets
    /// `notCached`.
    ///
    /// Texts over the window are cut, refused or read in windows as `rules` say; of windows each token
    /// appears once, with its state from the window that shows most text around it.
    /// - Parameter pooling: how the vectors are pooled; nil is as the model does it.
    /// - Throws: `unsupported` when the states of all inputs together would be too many.
    package func encodeStates(
        _ inputs: [EncodingInput], rules: EncodingRules, pooling: Pooling? = nil
    ) async throws(ServiceError) -> EncodedTexts {
        try await encodeStates(inputs, rules, pooledBy: pooling ?? loaded.pooling)
    }

    /// The same with the classification head's raw scores in place of vectors: the same bytes as
    /// `EncodingService.classify` gives. The head reads texts without prompts.
    func encodeScores(
        _ inputs: [EncodingInput], rules: EncodingRules
    ) async throws(ServiceError) -> EncodedTexts {
        try require(.sequenceClassification)
        return try await encodeStates(inputs, rules, pooledBy: nil)
    }

    /// - Parameter pooling: nil asks for scores.
    private func encodeStates(
        _ inputs: [EncodingInput], _ rules: EncodingRules, pooledBy pooling: Pooling?
    ) async throws(ServiceError) -> EncodedTexts {
        let start = ContinuousClock.now
        if rules.cache.isReadOnly { throw .notCached(input: 0) }
        let prepared = try await prepare(inputs, rules, pooledBy: pooling)
        let tokenized = ContinuousClock.now
        let windows = prepared.flatMap(\.windows)
        let size = loaded.configuration.hiddenSize
        let count = windows.reduce(0) { $0 + $1.sequence.ids.count * size }
        guard count <= Self.maximumStateCount else {
            throw Self.tooManyStates(count / size, of: size, inputs: inputs.count)
        }
        let outcome = try await executor.run(
            windows.map(\.sequence), outputs: [.lastHiddenState, pooling?.outputs ?? .logits],
            model: loaded.model)
        var texts: [EncodedText] = []
        var next = 0
        for (index, input) in prepared.enumerated() {
            let outputs = outcome.outputs[next..<next + input.windows.count]
            next += input.windows.count
            texts.append(try joined(input, Array(outputs), pooling, index: index))
        }
        return EncodedTexts(
            texts: texts,
            timings: EncodingResult.Timings(
                tokenization: tokenized - start, queue: outcome.queueTime,
                inference: outcome.inferenceTime))
    }

    /// The refusal of so many tokens' states; whoever sent one text cannot send fewer.
    static func tooManyStates(_ tokens: Int, of size: Int, inputs: Int) -> ServiceError {
        let advice =
            inputs > 1
            ? "send fewer texts"
            : "send a shorter text, or leave out what needs every token's state: chunk, keep_states"
        return .unsupported(
            field: "inputs",
            reason:
                "\(tokens) tokens of \(size) numbers each are too many at once; at most "
                + "\(maximumStateCount / size) tokens; \(advice)")
    }

    private func joined(
        _ input: PreparedInput, _ outputs: [SequenceOutput], _ pooling: Pooling?, index: Int
    ) throws(ServiceError) -> EncodedText {
        let size = loaded.configuration.hiddenSize
        var vectors: [[Float]] = []
        var states: [Float] = []
        var offsets: [Range<Int>] = []
        var ids: [Int32] = []
        for (window, output) in zip(input.windows, outputs) {
            vectors.append(
                try vector(
                    output, of: window, pooling == nil ? .scores : .embedding,
                    pooling ?? loaded.pooling))
            guard let rows = output.lastHiddenState, rows.allSatisfy(\.isFinite) else {
                throw .notFinite(input: index)
            }
            states += rows[window.owned.lowerBound * size..<window.owned.upperBound * size]
            offsets += window.offsets[window.owned]
            ids += window.sequence.ids[window.owned]
        }
        return EncodedText(
            pooled: TextWindows.joined(vectors, tokens: input.windows.map(\.usage.tokensUsed)),
            states: states, offsets: offsets, tokenIDs: ids, usage: input.usage, hiddenSize: size)
    }
}
