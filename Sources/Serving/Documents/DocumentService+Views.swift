import BiGSModel
import DocumentStore
import Learning

/// Answers from what is kept of a document, without encoding it again where its token states are
/// there.
extension DocumentService {
    /// What was asked of a document, and what that took.
    package struct View<Value: Sendable>: Sendable {
        /// What was made of it.
        package let value: Value
        /// The document's text.
        package let text: String
        /// Of the text: found, when the answer was made from what is kept.
        package let result: EncodingResult

        /// How many tokens the text has, and how many were used.
        package var usage: TokenUsage { result.usage[0] }

        init(_ value: Value, of material: DocumentMaterial) {
            self.init(value, text: material.text, result: material.result)
        }

        init(_ value: Value, text: String, result: EncodingResult) {
            self.value = value
            self.text = text
            self.result = result
        }
    }

    /// New passages of a document, or itself as one, for each granularity in order.
    /// - Parameter asked: the pooling; nil is the model's own.
    package func chunk(
        _ id: String, _ granularities: [Granularity], pooling asked: Pooling? = nil,
        reading: DocumentReading
    ) async throws(DocumentError) -> View<[CutPassage]> {
        let pooling: Pooling
        do { pooling = try encoding.pooling(asked, for: granularities) } catch {
            throw .encoding(error)
        }
        let needs = DocumentMaterial.Needs(
            states: granularities.contains { $0 != .document },
            whole: granularities.contains(.document))
        let material = try await material(
            ofDocument: id, needs, pooling: pooling, reading: reading
        ) { (text) throws(DocumentError) in
            let length = text.unicodeScalars.count
            for granularity in granularities {
                guard let span = granularity.firstSpan(outside: length) else { continue }
                throw .encoding(
                    .unsupported(
                        field: "spans[\(span)]",
                        reason: "does not end within the text's \(length) characters"))
            }
        }
        var allowance = PassageAllowance()
        do throws(ServiceError) {
            return View(
                try await encoding.passages(
                    of: material.states, whole: material.whole, text: material.text,
                    granularities, pooling: pooling, within: &allowance),
                of: material)
        } catch {
            throw .encoding(error)
        }
    }

    /// What a trained head says of a document.
    package func predict(
        _ id: String, head name: String, question: HeadQuestion, reading: DocumentReading
    ) async throws(DocumentError) -> View<HeadPrediction> {
        let head = try heads.head(named: name, for: encoding.loaded)
        let pooling = encoding.loaded.pooling
        do throws(ServiceError) {
            try question.check(encoding)
        } catch {
            throw .encoding(error)
        }
        let material = try await material(
            ofDocument: id, .init(states: question.evidence != nil, whole: true),
            pooling: pooling, reading: reading)
        do throws(ServiceError) {
            var allowance = PassageAllowance(field: "evidence")
            let passages = try await question.passages(
                of: material.states, whole: material.whole, text: material.text,
                within: &allowance, encoding)
            return View(
                try await encoding.answer(
                    question, head.head, vector: material.whole, passages: passages),
                of: material)
        } catch {
            throw .encoding(error)
        }
    }

    /// What the checkpoint's own head says of a document: of what is kept, where that gives the mean of
    /// all its tokens, and their states where passages are to be judged; else of its text.
    package func classify(
        _ id: String, question: HeadQuestion, reading: DocumentReading
    ) async throws(DocumentError) -> View<HeadPrediction> {
        var parts: DocumentParts = [.text, .vector]
        if question.evidence != nil || encoding.loaded.pooling != .mean { parts.insert(.states) }
        let document = try await document(id, parts: parts)
        let text = document.text ?? ""
        let rules = reading.rules(for: document.encoding)
        do throws(ServiceError) {
            try encoding.require(.sequenceClassification)
            if let record = document.encoding, reading.isKept(record, rules, by: encoding.loaded),
                let kept = try await judged(record, text, question, rules)
            {
                return kept
            }
            guard question.evidence == nil else {
                let (predictions, result) = try await encoding.classify(
                    [text], question: question, rules: rules)
                return View(predictions[0], text: text, result: result)
            }
            let result = try await encoding.classify([.text(text)], rules: rules)
            var allowance = PassageAllowance(field: "evidence")
            return View(
                try await encoding.prediction(
                    result.vectors[0], of: .none, text: text, question, within: &allowance),
                text: text, result: result)
        } catch {
            throw .encoding(error)
        }
    }

    /// The same of what is kept; nil where that does not do. The head reads no prompt, scores of windows
    /// are joined one by one, and a pooler that averages padding needs the padding's states.
    private func judged(
        _ record: EncodingRecord, _ text: String, _ question: HeadQuestion, _ rules: EncodingRules
    ) async throws(ServiceError) -> View<HeadPrediction>? {
        let loaded = encoding.loaded
        guard record.tokensUsed <= loaded.window,
            try encoding.prompt(named: rules.promptName, for: []) == nil,
            loaded.poolerNeedsMeanAlone
        else { return nil }
        let states = record.textStates()
        if question.evidence != nil, states == nil { return nil }
        let mean = loaded.pooling == .mean ? record.vector : states?.whole(.mean)
        guard let mean else { return nil }
        let scores = try await encoding.scores(ofMeans: [mean])[0]
        var allowance = PassageAllowance(field: "evidence")
        return View(
            try await encoding.prediction(
                scores, of: states ?? .none, text: text, question, within: &allowance),
            text: text, result: EncodingResult(kept: record.usage))
    }
}
