/// The store.
extension OpenAPIDocument {
    static let documents: [String: Operation] = [:]

    static let documentSchemas: [(String, String)] = []
}
