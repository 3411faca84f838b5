import HTTPServer
import HTTPTypes

/// The routing table: one line a route, in the order of the documentation.
extension Route {
    static let all = encoding + documents + service

    /// Texts in, numbers out.
    static let encoding: [Route] = [
        .post("/embed", API.embed),
        .post("/predict", API.predict),
        .post("/v1/embeddings", API.openAIEmbeddings),
        .post("/tokenize", API.tokenize),
        .post("/decode", API.decode),
    ]

    /// The store.
    static let documents: [Route] = []

    /// The service about itself.
    static let service: [Route] = [
        .get("/health", access: .open, API.health),
        .get("/ready", access: .open, API.ready),
        .get("/info", API.info),
        .get("/v1/models", API.models),
    ]
}
