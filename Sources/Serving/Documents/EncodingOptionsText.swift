import DocumentStore
import Tokenization

/// What, apart from text and model, decides a document's encoding, as one line of text: documents of
/// equal lines need not be encoded again.
enum EncodingOptionsText {
    static func of(_ document: NewDocument, states: TokenStates.Format?) -> String {
        var parts = document.granularities.map { "chunk=\($0.description)" }
        if let states { parts.append("states=\(states.rawValue)") }
        // Truncation or its refusal gives the same numbers or none; the side differs.
        if document.rules.truncationSide != .right {
            parts.append("side=\(document.rules.truncationSide.rawValue)")
        }
        return parts.joined(separator: " ")
    }
}
