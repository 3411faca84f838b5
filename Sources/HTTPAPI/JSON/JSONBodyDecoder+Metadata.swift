package import DocumentStore

extension JSONBodyDecoder {
    /// Any JSON value, by the kinds of its nodes.
    ///
    /// What `MetadataValue` does with every decoder, asking for one type after the other, makes an error
    /// with the way to it of each wrong guess: deep in a value that is far more work than the value.
    func metadata() throws -> MetadataValue {
        switch document.kind(node) {
        case .null: .null
        case .no: .bool(false)
        case .yes: .bool(true)
        case .string, .escapedString: .string(try decode(String.self))
        case .integer, .number:
            if let value = document.tape.integer(Int64.self, at: node) {
                .integer(value)
            } else if document.kind(node) == .integer {
                // As a floating-point number it would be another one.
                throw corrupted("expected a number of 64 bits, got \(beginning)")
            } else {
                .number(try decode(Double.self))
            }
        case .array: .array(try elements { try $0.metadata() })
        case .object: .object(try metadataMembers())
        }
    }

    /// The members of an object.
    func metadataMembers() throws -> [String: MetadataValue] {
        var members: [String: MetadataValue] = [:]
        for (name, value) in document.tape.members(of: node) {
            try document.spend(96)
            let member = child(value, .key(MemberName(name), in: path))
            // Neither may be dropped. Swift takes names of two normal forms for one.
            guard members[name] == nil else {
                throw member.corrupted("is there twice, or also in another normal form of Unicode")
            }
            members[name] = try member.metadata()
        }
        return members
    }
}

/// Why a text is no JSON value of which metadata and filters are made.
package struct MetadataTextError: Error, CustomStringConvertible {
    /// The place in the value, e.g. `.year.$gte`; empty for the whole.
    let place: String
    let reason: String

    package var description: String { place + ": " + reason }
}

extension MetadataValue {
    /// Reads JSON text.
    package init(json: String) throws(MetadataTextError) {
        do throws(APIError) {
            self = try RequestBodyDecoder.decode(Self.self, from: Array(json.utf8))
        } catch {
            guard case .validation(let field, let reason) = error else {
                throw MetadataTextError(place: "", reason: "is not JSON")
            }
            throw MetadataTextError(
                place: field.hasPrefix("[") ? field : "." + field, reason: reason)
        }
    }
}
