package import Foundation

/// Which parts of a document are read; its id, times, hash and counts always are.
package struct DocumentParts: OptionSet, Sendable, Hashable {
    package let rawValue: Int
    package init(rawValue: Int) { self.rawValue = rawValue }

    /// `StoredDocument.text`.
    package static let text = DocumentParts(rawValue: 1)
    /// `StoredDocument.metadata`.
    package static let metadata = DocumentParts(rawValue: 2)
    /// `EncodingRecord.vector`.
    package static let vector = DocumentParts(rawValue: 4)
    /// `EncodingRecord.passages`, with their vectors.
    package static let passages = DocumentParts(rawValue: 8)
    /// `EncodingRecord.states`.
    package static let states = DocumentParts(rawValue: 16)
}

/// A document as it is kept.
package struct StoredDocument: Sendable, Equatable {
    /// The caller's name for it.
    package var id: String
    /// The SHA-256 of the text's UTF-8 bytes: 32 bytes.
    package var textHash: [UInt8]
    /// When a document of this id was first put, in whole milliseconds.
    package var createdAt: Date
    /// When its text, metadata or encoding last changed, in whole milliseconds.
    package var updatedAt: Date
    /// The text, where it was asked for.
    package var text: String?
    /// The metadata, where it was asked for.
    package var metadata: DocumentMetadata?
    /// The encoding by the model that was asked for, or, where none was named, the newest; nil
    /// when that model did not encode this document.
    package var encoding: EncodingRecord?
}

/// A kept encoding of a document.
package struct EncodingRecord: Sendable, Equatable {
    /// The fingerprint of the model that made it: 32 bytes.
    package var fingerprint: [UInt8]
    /// `DocumentDraft.options` of the draft that brought it.
    package var options: String
    /// How many tokens the text had.
    package var tokens: Int
    /// How many of them the model saw.
    package var tokensUsed: Int
    /// When it was kept, in whole milliseconds.
    package var encodedAt: Date
    /// Whether token states are kept.
    package var hasStates: Bool
    /// The text's vector, as it was computed, where it was asked for.
    package var vector: [Float]?
    /// The passages, where they were asked for.
    package var passages: [Passage]?
    /// The token states, where they were asked for and are kept.
    package var states: TokenStates?
}

extension StoredDocument {
    /// Past so many bytes, what reads document after document stops, so that what it holds is bounded.
    static let readingLimit = 4 << 20

    /// The most bytes of documents that one answer holds at a time.
    static let answerLimit = 64 << 20

    /// About how much memory its parts take.
    package var estimatedBytes: Int {
        let vectors = (encoding?.vector?.count ?? 0) * 4
        let passages =
            encoding?.passages?.reduce(0) {
                $0 + $1.vector.count * 4 + 64 + (text == nil ? 0 : $1.end - $1.start)
            } ?? 0
        return (text?.utf8.count ?? 0) + (metadata?.json.utf8.count ?? 0) + vectors + passages
            + (encoding?.states?.byteCount ?? 0) + 256
    }
}
