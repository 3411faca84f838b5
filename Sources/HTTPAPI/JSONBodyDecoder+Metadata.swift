import DocumentStore

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
        case .string, .escapedString: .string(document.tape.string(at: node))
        case .integer, .number:
            if let value = document.tape.integer(Int64.self, at: node) {
                .integer(value)
            } else {
                .number(try decode(Double.self))
            }
        case .array: .array(try elements { try $0.metadata() })
        case .object: .object(try metadataMembers())
        }
    }

    private func metadataMembers() throws -> [String: MetadataValue] {
        var members: [String: MetadataValue] = [:]
        for (name, value) in document.tape.members(of: node) where members[name] == nil {
            members[name] = try child(value, .key(MemberName(name), in: path)).metadata()
        }
        return members
    }
}
