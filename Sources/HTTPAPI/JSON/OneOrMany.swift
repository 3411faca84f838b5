/// A value of which a list may have so many; asked before they are decoded.
protocol BoundedInLists {
    /// Throws where a list may not have so many.
    static func check(count: Int) throws(APIError)
}

/// A value, or a list of them.
struct OneOrMany<Value: Decodable & Sendable>: Decodable, Sendable {
    let items: [Value]
    let isList: Bool

    init(from decoder: any Decoder) throws {
        if let list = try? decoder.unkeyedContainer() {
            try (Value.self as? any BoundedInLists.Type)?.check(count: list.count ?? 0)
            items = try [Value](from: decoder)
            isList = true
        } else {
            items = [try Value(from: decoder)]
            isList = false
        }
    }
}
