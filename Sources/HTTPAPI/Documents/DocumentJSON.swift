import DocumentStore
import Foundation
import Serving
import Tokenization

/// Documents as JSON.
extension JSONWriter {
    /// A document's members, as far as they were read. Times are seconds since 1970; vectors have length
    /// one, as those of `/embed`.
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
            numbers(VectorFinish(normalize: true).apply(vector))
        }
        if let passages = encoding.passages {
            let text = passageText ? document.text.map(ScalarText.init) : nil
            key("passages")
            array { writer in
                for passage in passages {
                    writer.object { writer in
                        let place = passage.start..<passage.end
                        writer.place(place, of: passage.granularity, text: text?[place])
                        writer.key("embedding")
                        writer.numbers(VectorFinish(normalize: true).apply(passage.vector))
                    }
                }
            }
        }
    }

    /// Where a passage lies, and what it says.
    mutating func place(_ range: Range<Int>, of granularity: String, text: String?) {
        key("granularity")
        string(granularity)
        key("start")
        number(range.lowerBound)
        key("end")
        number(range.upperBound)
        guard let text else { return }
        key("text")
        string(text)
    }

    /// Seconds since 1970 with up to three decimals.
    mutating func time(_ date: Date) {
        let (seconds, rest) = date.milliseconds.quotientAndRemainder(dividingBy: 1000)
        var digits = String(1000 + abs(rest)).dropFirst()
        while digits.last == "0" { digits.removeLast() }
        verbatim(digits.isEmpty ? "\(seconds)" : "\(seconds).\(digits)")
    }
}
