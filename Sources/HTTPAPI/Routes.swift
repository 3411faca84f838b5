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
        .put("/documents/{id}", API.putDocument),
        .post("/documents", API.postDocuments),
        .post("/documents/import", takes: .ndjson, API.importDocuments),
        .get("/documents/{id}", API.getDocument),
        .get("/documents", API.listDocuments),
        .delete("/documents/{id}", API.deleteDocument),
        .post("/documents/delete", API.deleteDocuments),
        .post("/documents/search", API.searchDocuments),
        .post("/documents/{id}/chunk", API.chunkDocument),
        .post("/documents/{id}/predict", API.predictDocument),
        .get("/documents/export", API.exportDocuments),
        .get("/store", API.storeStatistics),
        .post("/store/compact", takes: .nothing, API.compactStore),
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
