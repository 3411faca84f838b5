import HTTPServer
import HTTPTypes

/// The routing table: one line a route, in the order of the documentation.
extension Route {
    /// With keys, only what is `open` answers without one: probes and scrapers have none, and what
    /// they get tells nothing about texts.
    static let all = encoding + documents + service

    /// Texts in, numbers out.
    static let encoding: [Route] = [
        .post("/embed", API.embed).embedding,
        .post("/embed_all", API.embedAll).embedding,
        .post("/v1/embeddings", API.openAIEmbeddings).embedding,
        .post("/embeddings", API.openAIEmbeddings).embedding,
        .post("/predict", API.predict).scoring,
        .post("/classify", API.classify).scoring,
        .post("/rerank", API.rerank).scoring,
        .post("/v1/rerank", API.rerank).scoring,
        .post("/v2/rerank", API.rerank).scoring,
        .post("/similarity", API.similarity).embedding,
        .post("/fill-mask", API.fillMask).scoring,
        .post("/answer", API.answerQuestion).scoring,
        .post("/token_classification", API.tokenClassification).scoring,
        .post("/chunk", API.chunk).embedding,
        .post("/tokenize", API.tokenize),
        .post("/decode", API.decode),
        .post("/", API.pipeline),
        .post("/invocations", API.pipeline),
    ]

    /// The store.
    static let documents: [Route] = [
        .put("/documents/{id}", API.putDocument).query(),
        .post("/documents", API.postDocuments).query(),
        .post("/documents/import", takes: .ndjson, API.importDocuments).query("results"),
        .get("/documents/{id}", API.getDocument).query("embedding", "passages", "include"),
        .get("/documents", API.listDocuments)
            .query("filter", "limit", "cursor", "order", "include"),
        .delete("/documents/{id}", API.deleteDocument).query(),
        .post("/documents/delete", API.deleteDocuments).query(),
        .post("/documents/search", API.searchDocuments).query(),
        .post("/documents/{id}/chunk", API.chunkDocument).query(),
        .post("/documents/{id}/predict", API.predictDocument).query("head"),
        .get("/documents/export", API.exportDocuments).query("filter"),
        .get("/store", API.storeStatistics).query(),
        .post("/store/compact", takes: .nothing, API.compactStore).query(),
    ]

    /// The service about itself.
    static let service: [Route] = [
        .get("/", access: .open, API.console),
        .get("/health", access: .open, API.health),
        .get("/ping", access: .open, API.ready),
        .get("/ready", access: .open, API.ready),
        .get("/info", API.info),
        .get("/metrics", access: .open, API.exposition),
        .get("/openapi.json", access: .open, API.description),
        .get("/v1/models", API.models),
        .get("/v1/models/{id}", API.model),
        .get("/v1/models/{owner}/{name}", API.model),
        .get("/models", API.models),
    ]
}
