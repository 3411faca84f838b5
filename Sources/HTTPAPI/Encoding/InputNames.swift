/// What a request calls its texts: the names that errors have for them.
package struct InputNames: Sendable {
    /// The field that they stand in.
    let field: String
    private let name: @Sendable (Int) -> String

    /// The texts of one field, by their places; one that is no list by the field alone.
    init(_ field: String, isSingle: Bool = false) {
        self.init(field) { isSingle ? field : "\(field)[\($0)]" }
    }

    /// Texts of `field` and others.
    init(_ field: String, _ name: @escaping @Sendable (Int) -> String) {
        self.field = field
        self.name = name
    }

    /// A field of the service's, `inputs` and `inputs[0]` as the request calls them.
    func named(_ field: String) -> String {
        if field == "inputs" { return self.field }
        guard field.hasPrefix("inputs["), field.hasSuffix("]"),
            let index = Int(field.dropFirst(7).dropLast())
        else { return field }
        return self[index]
    }

    /// The name of the text at this place of what is encoded.
    subscript(index: Int) -> String { name(index) }
}
