import DocumentStore

/// What answers about a kept document are made of.
struct DocumentMaterial: Sendable {
    let text: String
    /// Where only the whole text's vector was needed, its places alone: no values.
    let states: TextStates
    /// The whole text's vector; empty where it was not needed.
    let whole: [Float]
    /// How many tokens the text has, and how many were used.
    let usage: TokenUsage
    /// Whether the text had to be encoded for it.
    let isEncoded: Bool

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
                [.text(text)], rules: rules, pooling: pooling
            ).texts[0]
            return DocumentMaterial(
                text: text, states: encoded.textStates, whole: encoded.pooled,
                usage: encoded.usage, isEncoded: true)
        } catch {
            throw .encoding(error)
        }
    }

    /// The same from what is kept; nil where that does not do.
    private func kept(
        _ record: EncodingRecord, _ text: String, _ needs: DocumentMaterial.Needs,
        _ pooling: Pooling, _ rules: EncodingRules
    ) async throws(ServiceError) -> DocumentMaterial? {
        let usage = TokenUsage(tokens: record.tokens, tokensUsed: record.tokensUsed)
        let isOurs = pooling == encoding.loaded.pooling
        var whole = isOurs ? record.vector : nil
        if !needs.states, let whole {
            // Where the tokens lie is found without the model.
            let places = try await encoding.places(in: text, rules)
            return DocumentMaterial(
                text: text,
                states: TextStates(
                    values: [], columns: 0, offsets: places, isTruncated: usage.isTruncated),
                whole: whole, usage: usage, isEncoded: false)
        }
        guard let kept = record.states else { return nil }
        let prompt = try encoding.prompt(named: rules.promptName, for: [])
        let unpooled = try await encoding.unpooledTokens(of: prompt, pooling)
        let states = TextStates(
            values: kept.floats(), columns: kept.columns, offsets: kept.offsets,
            isTruncated: usage.isTruncated,
            unpooled: TextPreparation.unpooled(unpooled, of: usage, side: rules.truncationSide))
        if needs.whole, whole == nil {
            // The mean of several windows cannot be told from states of which each token has one.
            guard record.tokensUsed <= encoding.loaded.window,
                let vector = states.whole(pooling)
            else { return nil }
            whole = vector
        }
        return DocumentMaterial(
            text: text, states: states, whole: whole ?? [], usage: usage, isEncoded: false)
    }
}

extension EncodingService {
    /// Where the tokens of a text lie that an encoding under `rules` has.
    fileprivate func places(
        in text: String, _ rules: EncodingRules
    ) async throws(ServiceError) -> [Range<Int>] {
        try await prepare([.text(text)], rules, pooledBy: loaded.pooling)[0].windows
            .flatMap { $0.offsets[$0.owned] }
    }
}
