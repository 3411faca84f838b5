import BiGSModel
package import DocumentStore
import Foundation
package import Logging
import Synchronization
package import Tokenization

/// Texts in, numbers out: tokenizes, looks the text up, runs the model on what is new, keeps it.
package final class EncodingService: Sendable {
    /// The model that answers.
    package let loaded: LoadedModel
    let executor: InferenceExecutor
    /// Where encodings and documents are kept.
    package let store: EncodingStore?
    let logger: Logger
    let storeTrouble: Mutex<String?>
    let writes: CacheWrites
    /// Equal texts of requests that are under way at once are encoded once.
    let underWay = SingleFlight<FlightKey, [Float]>()

    /// Serves `loaded` through `executor`; without a store nothing is kept, and `storeTrouble` may
    /// say why there is none. An answer waits for so long until what was encoded for it is kept.
    package init(
        loaded: LoadedModel, executor: InferenceExecutor, store: EncodingStore?,
        storeTrouble: String? = nil, cachePatience: Duration = .milliseconds(500), logger: Logger
    ) {
        writes = CacheWrites(patience: cachePatience)
        self.storeTrouble = Mutex(storeTrouble)
        self.loaded = loaded
        self.executor = executor
        self.store = store
        self.logger = logger
    }

    /// Tokens that wait or run now.
    package var load: Int { executor.load }

    /// Texts that wait now.
    package var queuedTexts: Int { executor.queuedTexts }

    /// What the executor has done since it started.
    package var passCounts: InferenceExecutor.Counts { executor.counts }

    /// Whether encodings are kept, and the last trouble in keeping them, or what ended it.
    package var storeStatus: (isOpen: Bool, trouble: String?) {
        (store != nil, store?.trouble.map { "\($0)" } ?? storeTrouble.withLock { $0 })
    }

    /// What the store holds; nil without a store, or when it cannot be read now.
    package func storeStatistics() async -> StoreStatistics? {
        try? await store?.statistics()
    }

    /// The pooled vector of each input, [H] float32, not normalised.
    package func embed(
        _ inputs: [EncodingInput], rules: EncodingRules
    ) async throws(ServiceError) -> EncodingResult {
        try await encode(inputs, rules: rules, kind: .embedding)
    }

    /// The classification head's raw scores for each input, one per label.
    package func classify(
        _ inputs: [EncodingInput], rules: EncodingRules
    ) async throws(ServiceError) -> EncodingResult {
        try require(.sequenceClassification)
        return try await encode(inputs, rules: rules, kind: .scores)
    }

    private func encode(
        _ inputs: [EncodingInput], rules: EncodingRules, kind: EncodingKind
    ) async throws(ServiceError) -> EncodingResult {
        let start = ContinuousClock.now
        let prepared = try await prepare(
            inputs, rules, pooledBy: kind == .embedding ? loaded.pooling : nil)
        let texts = prepared.flatMap(\.windows)
        let tokenized = ContinuousClock.now
        let keys = texts.map { key($0, kind) }
        let found = rules.cache.mayRead ? await lookup(keys, kind, rules.cache) : [:]

        var vectors = keys.map { key in
            found[key].flatMap { $0.payload.isEmpty ? nil : VectorBytes.floats($0.payload) }
        }
        let missing = vectors.indices.filter { vectors[$0] == nil }
        var wasFound = vectors.map { $0 != nil }[...]
        if let first = missing.first, rules.cache.isReadOnly {
            throw .notCached(input: texts[first].input)
        }
        // Equal texts of one request are encoded once.
        var firstIndex: [CacheKey: Int] = [:]
        let unique = missing.filter { firstIndex.updateValueIfAbsent($0, forKey: keys[$0]) }
        var timings = EncodingResult.Timings(tokenization: tokenized - start)
        if !unique.isEmpty {
            let computed = try await compute(unique, keys, texts, kind, rules.cache, &timings)
            for (index, vector) in zip(unique, computed) { vectors[index] = vector }
            for index in missing where vectors[index] == nil {
                vectors[index] = firstIndex[keys[index]].flatMap { vectors[$0] }
            }
        }
        let oldest = found.values.map(\.createdAt).min()
        return EncodingResult(
            vectors: joined(vectors.map { $0 ?? [] }, of: prepared),
            usage: prepared.map(\.usage),
            cache: missing.isEmpty ? .hit : missing.count == texts.count ? .miss : .mixed,
            hits: texts.count - missing.count, misses: missing.count,
            found: prepared.map { input in
                defer { wasFound.removeFirst(input.windows.count) }
                return wasFound.prefix(input.windows.count).allSatisfy(\.self)
            },
            // A time that is no time of this world is one of a damaged file.
            age: oldest.map {
                max(0, Int(exactly: Date.now.timeIntervalSince($0).rounded(.down)) ?? 0)
            },
            timings: timings)
    }

    /// One vector per input: of an input in windows the mean by tokens.
    private func joined(_ vectors: [[Float]], of inputs: [PreparedInput]) -> [[Float]] {
        guard vectors.count != inputs.count else { return vectors }
        var rest = vectors[...]
        return inputs.map { input in
            defer { rest.removeFirst(input.windows.count) }
            return TextWindows.joined(
                Array(rest.prefix(input.windows.count)),
                tokens: input.windows.map(\.usage.tokensUsed))
        }
    }

    struct FlightKey: Hashable {
        let key: CacheKey
        let kind: EncodingKind
    }

    /// Texts that the model has to run on.
    private struct Job {
        let texts: [PreparedText]
        let keys: [CacheKey]
        let kind: EncodingKind
        let policy: CachePolicy
        let outputs: OutputRequest
    }

    /// Runs the model on the texts at `indices`, which are all different, and keeps what came out;
    /// waits instead for those that another request is running.
    private func compute(
        _ indices: [Int], _ keys: [CacheKey], _ texts: [PreparedText], _ kind: EncodingKind,
        _ policy: CachePolicy, _ timings: inout EncodingResult.Timings
    ) async throws(ServiceError) -> [[Float]] {
        let job = Job(
            texts: texts, keys: keys, kind: kind, policy: policy,
            outputs: kind == .scores ? .logits : loaded.pooling.outputs)
        // What began before this request would not be encoded anew; and what is not kept here
        // must not keep others from keeping it.
        guard policy.mayRead, policy.mayKeep else {
            return try await run(indices, of: job, &timings)
        }
        return try await underWay.values(
            indices.map { FlightKey(key: keys[$0], kind: kind) }
        ) { (positions, arrivals) async throws(ServiceError) in
            try await run(positions.map { indices[$0] }, of: job, &timings, arrivals)
        }
    }

    private func run(
        _ indices: [Int], of job: Job, _ timings: inout EncodingResult.Timings,
        _ arrivals: SingleFlight<FlightKey, [Float]>.Arrivals? = nil
    ) async throws(ServiceError) -> [[Float]] {
        var vectors: [[Float]] = []
        for part in parts(indices, job.texts, job.outputs) {
            let base = vectors.count
            let (texts, kind) = (part.map { job.texts[$0] }, job.kind)
            let early = Mutex<[Int: SequenceOutput]>([:])
            do throws(ServiceError) {
                let outcome = try await executor.run(
                    texts.map(\.sequence), outputs: job.outputs, model: loaded.model
                ) { [self] place, output in
                    early.withLock { $0[place] = output }
                    arrivals?.arrive(base + place) {
                        try? self.vector(output, of: texts[place], kind, self.loaded.pooling)
                    }
                }
                timings.queue += outcome.queueTime
                timings.inference += outcome.inferenceTime
                let computed = try zip(texts, outcome.outputs).map {
                    (text, output) throws(ServiceError) in
                    try vector(output, of: text, kind, loaded.pooling)
                }
                // The states that they were made of are not held until the last part is done.
                for (place, vector) in computed.enumerated() {
                    arrivals?.arrive(base + place) { vector }
                }
                if job.policy.mayKeep { await keep(part, job.keys, job.texts, computed, kind) }
                vectors += computed
            } catch {
                // What was done until then: who asks again is to get further.
                let done = early.withLock { $0 }.compactMap { place, output in
                    (try? vector(output, of: texts[place], kind, loaded.pooling)).map {
                        (part[place], $0)
                    }
                }
                if job.policy.mayKeep, !done.isEmpty {
                    await keep(done.map(\.0), job.keys, job.texts, done.map(\.1), kind)
                }
                throw error
            }
        }
        return vectors
    }

    /// The texts in parts whose states, where those are what is asked for, fit into memory together.
    private func parts(
        _ indices: [Int], _ texts: [PreparedText], _ outputs: OutputRequest
    ) -> [[Int]] {
        guard outputs.contains(.lastHiddenState) else { return [indices] }
        let limit = Self.maximumStateCount / loaded.configuration.hiddenSize
        var parts: [[Int]] = []
        var tokens = 0
        for index in indices {
            let count = texts[index].sequence.ids.count
            if parts.isEmpty || tokens + count > limit {
                parts.append([])
                tokens = 0
            }
            parts[parts.count - 1].append(index)
            tokens += count
        }
        return parts
    }

    func vector(
        _ output: SequenceOutput, of text: PreparedText, _ kind: EncodingKind, _ pooling: Pooling
    ) throws(ServiceError) -> [Float] {
        let vector =
            kind == .scores
            ? output.logits
            : pooling.vector(
                of: output, hiddenSize: loaded.configuration.hiddenSize,
                mask: text.sequence.attentionMask)
        guard let vector, vector.allSatisfy(\.isFinite) else { throw .notFinite(input: text.input) }
        return vector
    }
}

// MARK: - Tokens

extension EncodingService {
    /// The tokenizer's answer for one text, without the model's window.
    package func tokenize(
        _ text: String, addSpecialTokens: Bool
    ) async throws(ServiceError) -> Encoding {
        let options = EncodingOptions(addSpecialTokens: addSpecialTokens)
        return try await LongWork.run(bytes: text.utf8.count, cancelled: ServiceError.cancelled) {
            [tokenizer = loaded.tokenizer] (_) throws(ServiceError) in
            do throws(TokenizerError) {
                return try tokenizer.encode(text, pair: nil, options: options)
            } catch {
                throw .tokenizer(input: 0, error)
            }
        }
    }

    /// Tokens of every input. Prompts stand before texts that are embedded, and before nothing else.
    /// - Parameter pooling: how they are embedded; nil: they are not.
    func prepare(
        _ inputs: [EncodingInput], _ rules: EncodingRules, pooledBy pooling: Pooling? = nil
    ) async throws(ServiceError) -> [PreparedInput] {
        let bytes = inputs.reduce(0) { total, input in
            switch input {
            case .text(let text): total + text.utf8.count
            case .pair(let first, let second): total + first.utf8.count + second.utf8.count
            case .tokens(let ids): total + 4 * ids.count
            }
        }
        let prompt = try pooling == nil ? nil : prompt(named: rules.promptName, for: inputs)
        let preparation = TextPreparation(
            loaded: loaded, rules: rules, prompt: prompt,
            unpooled: try await unpooledTokens(of: prompt, pooling))
        do throws(ServiceError) {
            return try await LongWork.run(bytes: bytes, cancelled: .cancelled) {
                (isLeft) throws(ServiceError) in
                try preparation.prepare(inputs, isCancelled: isLeft)
            }
        } catch {
            // A deadline cancels its work.
            if case .cancelled = error { try executor.checkDeadline() }
            throw error
        }
    }

    /// The prompt of that name, or the model's default; throws `unsupported` when there is no such
    /// prompt, or when it would have to stand before token ids, which are used verbatim.
    package func prompt(
        named name: String?, for inputs: [EncodingInput]
    ) throws(ServiceError) -> String? {
        guard let name else { return loaded.prompts.default }
        guard let prompt = loaded.prompts.byName[name] else {
            let names = loaded.prompts.byName.keys.sorted()
            throw .unsupported(
                field: "prompt_name",
                reason: "the model has no prompt named \"\(name.prefix(100))\"; it has "
                    + (names.isEmpty ? "none" : names.joined(separator: ", ")))
        }
        for case .tokens in inputs {
            throw .unsupported(
                field: "prompt_name", reason: "token ids are used verbatim, without a prompt")
        }
        return prompt.isEmpty ? nil : prompt
    }

    /// How many tokens a pooling leaves out of a text with this prompt: as sentence-transformers (5.1)
    /// counts them, [CLS] and the tokens of the prompt by itself.
    func unpooledTokens(
        of prompt: String?, _ pooling: Pooling?
    ) async throws(ServiceError) -> Int {
        guard let prompt, let pooling, !loaded.poolsPrompt, pooling.canLeaveOutPrompt else {
            return 0
        }
        return try await tokenize(prompt, addSpecialTokens: false).ids.count + 1
    }
}

extension Dictionary {
    /// Sets the value unless there is one; whether it was set.
    fileprivate mutating func updateValueIfAbsent(_ value: Value, forKey key: Key) -> Bool {
        if self[key] != nil { return false }
        self[key] = value
        return true
    }
}
