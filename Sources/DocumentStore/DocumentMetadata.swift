import Foundation

/// A document's metadata: any JSON object, kept in one canonical form (members sorted by name, no
/// spaces), so that equal objects are equal bytes.
package struct DocumentMetadata: Sendable {
    /// The object as JSON text, ready to be put into an answer.
    package let json: String

    /// Metadata without members.
    package static let empty = DocumentMetadata(json: "{}")

    /// The largest number of lists and objects inside each other.
    package static let maximumDepth = 64

    /// Metadata with these members.
    /// - Throws: `StoreError.invalid` for a number that is not finite, and for lists and objects
    ///   inside each other more than `maximumDepth` deep.
    package init(_ members: [String: MetadataValue]) throws(StoreError) {
        let value = MetadataValue.object(members)
        guard Self.depth(of: value, within: Self.maximumDepth) else {
            throw .invalid(
                field: "metadata",
                reason: "lists and objects lie more than \(Self.maximumDepth) deep in each other")
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(value),
            let json = String(data: data, encoding: .utf8)
        else {
            throw .invalid(field: "metadata", reason: "a number is not finite")
        }
        self.json = json
    }

    /// Metadata whose text was written by this type before.
    init(json: String) { self.json = json }

    /// The members; nil when the text, which came from a file, is not what this type writes.
    package var members: [String: MetadataValue]? {
        if json == "{}" { return [:] }
        return try? JSONDecoder().decode([String: MetadataValue].self, from: Data(json.utf8))
    }

    private static func depth(of value: MetadataValue, within limit: Int) -> Bool {
        guard limit >= 0 else { return false }
        switch value {
        case .array(let values):
            return values.allSatisfy { depth(of: $0, within: limit - 1) }
        case .object(let members):
            return members.values.allSatisfy { depth(of: $0, within: limit - 1) }
        default: return true
        }
    }
}

/// By the bytes: strings of Swift would be equal to those of another normal form.
extension DocumentMetadata: Hashable {
    package static func == (a: DocumentMetadata, b: DocumentMetadata) -> Bool {
        a.json.utf8.elementsEqual(b.json.utf8)
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(Array(json.utf8))
    }
}
