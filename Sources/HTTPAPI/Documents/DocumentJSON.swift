import DocumentStore
import Foundation
import Serving

/// Documents as JSON.
extension JSONWriter {
    /// A document's members, as far as they were read. Times are seconds since 1970.
    mutating func members(of document: StoredDocument, passageText: Bool = true) {
        key("id")
        string(document.id)
        if let text = document.text {
            key("text")
            string(text)
        }
        if let metadata = document.metadata {
            key("metadata")
            verbatim(metadata.json)
        }
        key("text_sha256")
        string(Hexadecimal.text(document.textHash))
        key("created_at")
        time(document.createdAt)
        key("updated_at")
        time(document.updatedAt)
        guard let encoding = document.encoding else { return }
        key("model")
        string(Hexadecimal.text(encoding.fingerprint))
        key("tokens")
        number(encoding.tokens)
        key("tokens_used")
        number(encoding.tokensUsed)
        key("truncated")
        bool(encoding.tokensUsed < encoding.tokens)
        key("encoded_at")
        time(encoding.encodedAt)
        key("has_states")
        bool(encoding.hasStates)
        if let vector = encoding.vector {
            key("embedding")
            numbers(vector)
        }
        if let passages = encoding.passages {
            let text = document.text.map(ScalarText.init)
            key("passages")
            array { writer in
                for passage in passages {
                    writer.object { writer in
                        writer.key("granularity")
                        writer.string(passage.granularity)
                        writer.key("start")
                        writer.number(passage.start)
                        writer.key("end")
                        writer.number(passage.end)
                        if passageText, let text {
                            writer.key("text")
                            writer.string(text[passage.start..<passage.end])
                        }
                        writer.key("embedding")
                        writer.numbers(passage.vector)
                    }
                }
            }
        }
    }

    /// Seconds since 1970 with up to three decimals.
    mutating func time(_ date: Date) {
        let milliseconds = Int((date.timeIntervalSince1970 * 1000).rounded())
        let (seconds, rest) = milliseconds.quotientAndRemainder(dividingBy: 1000)
        var digits = String(1000 + abs(rest)).dropFirst()
        while digits.last == "0" { digits.removeLast() }
        verbatim(digits.isEmpty ? "\(seconds)" : "\(seconds).\(digits)")
    }
}

/// A text that is cut at Unicode scalars, which is how offsets count.
struct ScalarText {
    private let scalars: [Unicode.Scalar]

    init(_ text: String) { scalars = Array(text.unicodeScalars) }

    /// The part between two offsets, as far as the text has it.
    subscript(range: Range<Int>) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars[range.clamped(to: 0..<scalars.count)])
        return String(view)
    }
}
