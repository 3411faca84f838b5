import BiGSModel
import DocumentStore

/// What answers about a kept document are made of.
struct DocumentMaterial: Sendable {
    let text: String
    /// Where only the whole text's vector was needed, its places alone: no values.
    let states: TextStates
    /// The whole text's vector; empty where it was not needed.
    let whole: [Float]
    /// How many tokens the text has and were used, and what that took where the text had to be encoded.
    let result: EncodingResult

    /// What of it is needed.
    struct Needs {
        var states = false
        var whole = false
    }
}

extension DocumentService {
    /// The material for answers about a document, pooled by `pooling`: as it is kept, or, where that does
    /// not do, from its text.
    func material(
        ofDocument id: String, _ needs: DocumentMaterial.Needs, pooling: Pooling,
        reading: DocumentReading, check: (String) throws(DocumentError) -> Void = { _ in }
    ) async throws(DocumentError) -> DocumentMaterial {
        var parts: DocumentParts = [.text, .vector]
        if needs.states || pooling != encoding.loaded.pooling { parts.insert(.states) }
        let document = try await document(id, parts: parts)
        let text = document.text ?? ""
        try check(text)
        let rules = reading.rules(for: document.encoding)
        do throws(ServiceError) {
            if let record = document.encoding, reading.isKept(record, rules, by: encoding.loaded),
                let kept = try await kept(record, text, needs, pooling, rules)
            {
                return kept
            }
            let encoded = try await encoding.encodeStates(
                [.text(text)], rules: rules, pooling: pooling)
            return DocumentMaterial(
                text: text, states: encoded.texts[0].textStates, whole: encoded.texts[0].pooled,
                result: encoded.result)
        } catch {
            throw .encoding(error)
        }
    }

    /// The same from what is kept; nil where that does not do.
    private func kept(
        _ record: EncodingRecord, _ text: String, _ needs: DocumentMaterial.Needs,
        _ pooling: Pooling, _ rules: EncodingRules
    ) async throws(ServiceError) -> DocumentMaterial? {
        let usage = record.usage
        let prompt = try encoding.prompt(named: rules.promptName, for: [])
        let unpooled = TextPreparation.unpooled(
            try await encoding.unpooledTokens(of: prompt, pooling), of: usage,
            side: rules.truncationSide)
        let states = record.textStates(unpooled: unpooled)
        if needs.states, states == nil { return nil }
        var vector: [Float] = []
        if needs.whole {
            guard let whole = whole(pooling, record, states, prompt) else { return nil }
            vector = whole
        }
        return DocumentMaterial(
            text: text,
            // Where the tokens lie is found without the model.
            states: try await needs.states
                ? states ?? .none
                : encoding.places(in: text, rules, isTruncated: usage.isTruncated),
            whole: vector, result: EncodingResult(kept: usage))
    }

    /// The whole text's vector of what is kept; nil where that does not give it.
    private func whole(
        _ pooling: Pooling, _ record: EncodingRecord, _ states: TextStates?, _ prompt: String?
    ) -> [Float]? {
        let loaded = encoding.loaded
        if pooling == loaded.pooling { return record.vector }
        // The vectors of several windows cannot be told from states of which each token has one.
        guard record.tokensUsed <= loaded.window else { return nil }
        guard pooling == .pooler else { return states?.whole(pooling) }
        guard loaded.poolerNeedsMeanAlone else { return nil }
        let isMean = loaded.pooling == .mean && (loaded.poolsPrompt || prompt == nil)
        let mean = isMean ? record.vector : states?.whole(.mean)
        return mean.flatMap { loaded.model.poolerOutputs(ofMeans: [$0])?.first }
    }
}

extension EncodingRecord {
    /// How many tokens the text has, and how many were used.
    var usage: TokenUsage { TokenUsage(tokens: tokens, tokensUsed: tokensUsed) }

    /// The kept states with their places; nil where none were kept, or none were read.
    /// - Parameter unpooled: how many of the first a pooling of the whole text leaves out.
    func textStates(unpooled: Int = 0) -> TextStates? {
        states.map { kept in
            TextStates(
                values: kept.floats(), columns: kept.columns, offsets: kept.offsets,
                isTruncated: usage.isTruncated, unpooled: unpooled)
        }
    }
}

extension LoadedModel {
    /// Whether the mean of a text's own states is all that the pooler has to know: it averages no
    /// padding, or there is none.
    var poolerNeedsMeanAlone: Bool { model.poolsOwnTokens || padding == .none }
}

extension EncodingService {
    /// Where the tokens of a text lie that an encoding under `rules` has, without their states.
    fileprivate func places(
        in text: String, _ rules: EncodingRules, isTruncated: Bool
    ) async throws(ServiceError) -> TextStates {
        let windows = try await prepare([.text(text)], rules, pooledBy: loaded.pooling)[0].windows
        return TextStates(
            values: [], columns: 0, offsets: windows.flatMap { $0.offsets[$0.owned] },
            isTruncated: isTruncated)
    }
}
