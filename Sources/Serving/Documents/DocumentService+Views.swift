import DocumentStore
import Learning

/// Answers from what is kept of a document, without encoding it again where its token states are
/// there.
extension DocumentService {
    /// What was asked of a document, and whether it had to be encoded for it.
    package struct View<Value: Sendable>: Sendable {
        package let value: Value
        package let text: String
        /// How many tokens the text has, and how many were used.
        package let usage: TokenUsage
        /// False when the answer was made from what is kept.
        package let isEncoded: Bool

        init(_ value: Value, of material: DocumentMaterial) {
            self.value = value
            text = material.text
            usage = material.usage
            isEncoded = material.isEncoded
        }

        init(value: Value, text: String, usage: TokenUsage, isEncoded: Bool) {
            self.value = value
            self.text = text
            self.usage = usage
            self.isEncoded = isEncoded
        }
    }

    /// New passages of a document, or itself as one, for each granularity in order.
    /// - Parameter asked: the pooling; nil is the model's own.
    package func chunk(
        _ id: String, _ granularities: [Granularity], pooling asked: Pooling? = nil,
        reading: DocumentReading
    ) async throws(DocumentError) -> View<[(granularity: Granularity, passage: ChunkedPassage)]> {
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
        var passages: [(granularity: Granularity, passage: ChunkedPassage)] = []
        do throws(ServiceError) {
            for granularity in granularities {
                passages += try await encoding.passages(
                    of: material.states, whole: material.whole, text: material.text, granularity,
                    pooling: pooling
                ).map { (granularity, $0) }
            }
        } catch {
            throw .encoding(error)
        }
        return View(passages, of: material)
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
            let passages = try await question.passages(
                of: material.states, whole: material.whole, text: material.text, encoding)
            return View(
                question.answer(head.head, vector: material.whole, passages: passages),
                of: material)
        } catch {
            throw .encoding(error)
        }
    }

    /// The raw scores of the checkpoint's own head for a document's text.
    package func classify(
        _ id: String, reading: DocumentReading
    ) async throws(DocumentError) -> View<EncodingResult> {
        let document = try await document(id, parts: [.text])
        let text = document.text ?? ""
        do throws(ServiceError) {
            let result = try await encoding.classify(
                [.text(text)], rules: reading.rules(for: document.encoding))
            return View(
                value: result, text: text, usage: result.usage[0],
                isEncoded: result.cache != .hit)
        } catch {
            throw .encoding(error)
        }
    }
}
