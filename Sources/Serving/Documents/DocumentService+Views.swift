package import DocumentStore
import Learning

/// Answers from what is kept of a document, without encoding it again where its token states are
/// there.
extension DocumentService {
    /// What was asked of a document, and whether it had to be encoded for it.
    package struct View<Value: Sendable>: Sendable {
        package let value: Value
        package let text: String
        /// Nil when the answer was made from what is kept.
        package let usage: TokenUsage?
    }

    /// New passages of a document.
    package func chunk(
        _ id: String, _ granularities: [Granularity], rules: EncodingRules
    ) async throws(DocumentError) -> View<[Passage]> {
        let (text, states, usage) = try await states(ofDocument: id, rules: rules)
        do throws(ServiceError) {
            return View(
                value: try passages(granularities, of: text, states, input: 0), text: text,
                usage: usage)
        } catch {
            throw .encoding(error)
        }
    }

    /// What a trained head says of a document.
    package func predict(
        _ id: String, head name: String, question: HeadQuestion, rules: EncodingRules
    ) async throws(DocumentError) -> View<HeadPrediction> {
        let head = try heads.head(named: name, for: encoding.loaded)
        let kept = try await document(id, parts: [.text, .vector])
        let text = kept.text ?? ""
        let record = kept.encoding.flatMap {
            $0.fingerprint == encoding.loaded.fingerprint ? $0 : nil
        }
        if let vector = record?.vector {
            guard let granularity = question.evidence else {
                return View(
                    value: question.answer(head.head, vector: vector, passages: nil), text: text,
                    usage: nil)
            }
            if record?.hasStates == true {
                let (text, states, usage) = try await states(ofDocument: id, rules: rules)
                let passages = states.passages(granularity, of: text)
                return View(
                    value: question.answer(head.head, vector: vector, passages: passages),
                    text: text, usage: usage)
            }
        }
        do throws(ServiceError) {
            let (predictions, result) = try await encoding.predict(
                [text], head: head, question: question, rules: rules)
            return View(value: predictions[0], text: text, usage: result.usage[0])
        } catch {
            throw .encoding(error)
        }
    }

    /// The raw scores of the checkpoint's own head for a document's text.
    package func classify(
        _ id: String, rules: EncodingRules
    ) async throws(DocumentError) -> View<EncodingResult> {
        let text = try await document(id, parts: [.text]).text ?? ""
        do throws(ServiceError) {
            let result = try await encoding.classify([.text(text)], rules: rules)
            return View(value: result, text: text, usage: result.usage[0])
        } catch {
            throw .encoding(error)
        }
    }
}
