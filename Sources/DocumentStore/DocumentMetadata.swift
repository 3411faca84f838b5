import Foundation

/// A document's metadata: any JSON object, kept in one canonical form (members sorted by name, no
/// spaces), so that equal objects are equal bytes.
package struct DocumentMetadata: Sendable {
    /// The object as JSON text, ready to be put into an answer.
    package let json: String

    /// The bytes of the names that lead to its values, each value's with those of the objects around it;
    /// 0 where its text came from a file.
    let pathBytes: Int

    /// Metadata without members.
    package static let empty = DocumentMetadata(json: "{}")

    /// The largest number of lists and objects inside each other.
    package static let maximumDepth = 64

    /// The largest `pathBytes`: so many are written for filters to look into, of a body that may be
    /// hundreds of times shorter.
    package static let maximumPathBytes = 256 << 10

    /// The most values, lists and objects counted: they are read one by one whenever the document is
    /// written, and nobody else writes meanwhile.
    package static let maximumValues = 1 << 14

    /// Metadata with these members.
    /// - Throws: `StoreError.invalid` for a number that is not finite, for lists and objects inside each
    ///   other more than `maximumDepth` deep, for more than `maximumValues` values, and for more than
    ///   `maximumPathBytes` of names.
    package init(_ members: [String: MetadataValue]) throws(StoreError) {
        let value = MetadataValue.object(members)
        guard Self.depth(of: value, within: Self.maximumDepth) else {
            throw .invalid(
                field: "metadata",
                reason: "lists and objects lie more than \(Self.maximumDepth) deep in each other")
        }
        guard Self.count(of: value) - 1 <= Self.maximumValues else {
            throw .invalid(
                field: "metadata", reason: "has more than \(Self.maximumValues) values")
        }
        pathBytes = Self.pathBytes(of: value, below: 0)
        guard pathBytes <= Self.maximumPathBytes else {
            throw .invalid(
                field: "metadata",
                reason:
                    "the names that lead to its values, each with those around it, have more than "
                    + "\(Self.maximumPathBytes) bytes")
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
    init(json: String) {
        self.json = json
        pathBytes = 0
    }

    /// The members; nil when the text, which came from a file, is not what this type writes.
    package var members: [String: MetadataValue]? {
        if json == "{}" { return [:] }
        return try? JSONDecoder().decode([String: MetadataValue].self, from: Data(json.utf8))
    }

    /// The bytes of the paths of all objects, lists and other values below a path of so many bytes.
    private static func pathBytes(of value: MetadataValue, below path: Int) -> Int {
        guard case .object(let members) = value else { return path }
        return members.reduce(path) { sum, member in
            sum + pathBytes(of: member.value, below: path + 1 + member.key.utf8.count)
        }
    }

    /// How many values there are, this one, lists and objects among them.
    private static func count(of value: MetadataValue) -> Int {
        switch value {
        case .array(let values): values.reduce(1) { $0 + count(of: $1) }
        case .object(let members): members.values.reduce(1) { $0 + count(of: $1) }
        default: 1
        }
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
