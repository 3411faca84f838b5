extension DocumentDraft {
    /// The largest id, in bytes of UTF-8.
    package static let maximumIDBytes = 1024

    /// Throws `StoreError.invalid` for what the store does not keep.
    package func validate() throws(StoreError) {
        guard (1...Self.maximumIDBytes).contains(id.utf8.count) else {
            throw .invalid(
                field: "id",
                reason: "expected 1 to \(Self.maximumIDBytes) bytes, got \(id.utf8.count)")
        }
        guard !id.unicodeScalars.contains(where: { $0.properties.generalCategory == .control })
        else {
            throw .invalid(field: "id", reason: "has a control character")
        }
        try encoding?.validate(id: id)
    }

    /// Whether a document can be called so: no byte in it is a control character. Earlier versions
    /// took those of two bytes, U+0080 to U+009F.
    static func isName(_ id: String) -> Bool { id.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f } }
}

extension DocumentDraft {
    /// About how many bytes it takes in the file: text, its index, metadata twice, the names in them
    /// twice more, vectors. Without an encoding no text is written.
    var estimatedBytes: Int {
        let metadata = metadata.map { $0.json.utf8.count * 3 + $0.pathBytes * 2 } ?? 0
        let encoded = encoding.map { text.utf8.count * 2 + $0.estimatedBytes } ?? 0
        return encoded + metadata + 1024
    }
}

extension DocumentEncoding {
    /// About how many bytes it takes in the file.
    var estimatedBytes: Int {
        vector.count * 4 * (passages.count + 1) + passages.count * 64 + (states?.byteCount ?? 0)
    }

    func validate(id: String) throws(StoreError) {
        guard !vector.isEmpty, passages.allSatisfy({ $0.vector.count == vector.count }) else {
            throw .invalid(
                field: "embedding", reason: "the vectors of \"\(id)\" differ in length or are empty"
            )
        }
        guard vector.allSatisfy(\.isFinite),
            passages.allSatisfy({ $0.vector.allSatisfy(\.isFinite) })
        else {
            throw .invalid(
                field: "embedding", reason: "a vector of \"\(id)\" has a number that is not finite")
        }
        guard tokens >= 0, tokensUsed >= 0,
            passages.allSatisfy({ 0 <= $0.start && $0.start <= $0.end })
        else {
            throw .invalid(field: "passages", reason: "a count or place of \"\(id)\" is negative")
        }
    }
}
