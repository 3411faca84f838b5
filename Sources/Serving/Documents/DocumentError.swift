package import DocumentStore

/// Why the document service could not do what it was asked for.
package enum DocumentError: Error, Sendable {
    /// The server was started without a store.
    case noStore
    /// The store could not be opened or used when the server started.
    case storeUnavailable(String)
    case store(StoreError)
    /// The text could not be encoded.
    case encoding(ServiceError)
    /// No document has this id.
    case notFound(id: String)
    /// The model has no trained head of this name.
    case noHead(name: String, available: [String])
    /// The head's file cannot be used: it is damaged, or made for another model.
    case badHead(name: String, reason: String)
}

extension DocumentError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .noStore: "this server keeps no documents: it was started without a store"
        case .storeUnavailable(let reason): "the store is not available: \(reason)"
        case .store(let error): "\(error)"
        case .encoding(.textTooLong(_, let tokens, let limit)):
            "text: has " + ServiceError.tooLong(tokens, limit, truncate: "truncate: true")
        case .encoding(.notFinite): "text: led to numbers that are not finite"
        case .encoding(let error): error.text(input: "text", truncate: "truncate: true")
        case .notFound(let id): "there is no document \"\(id)\""
        case .noHead(let name, let available):
            "there is no head \"\(name)\"; this model has: "
                + (available.isEmpty ? "none" : available.joined(separator: ", "))
        case .badHead(let name, let reason): "the head \"\(name)\" cannot be used: \(reason)"
        }
    }
}
