package import DocumentStore
package import Serving

/// What the operator decided about the routes.
package struct APISettings: Sendable {
    /// The name and version that `/info` reports.
    package var version: String
    /// Whether long texts are cut when a request does not say.
    package var autoTruncate = true
    /// The most inputs in one request (2,048 on OpenAI's route).
    package var maximumClientBatchSize = 32
    /// The most bytes in a body.
    package var maximumBodyBytes = 64 << 20
    /// The most bytes in a line of an import: an export's lines have a document with the vectors of all its
    /// passages.
    package var maximumLineBytes: Int { 4 * maximumBodyBytes }
    /// The most bytes in the bodies of all requests that are being answered.
    var maximumBodiesBytes: Int { 8 * maximumBodyBytes }
    /// How long a request may take that does not say (`x-request-timeout`); nil is no bound.
    package var requestTimeout: Duration?
    /// The most tokens in one batch; reported by `/info`.
    package var maximumBatchTokens = InferenceExecutor.packedTokens
    /// The most connections; reported by `/info`.
    package var maximumConnections = 1024
    /// Which web pages may use the service.
    package var crossOrigin = CrossOrigin.none
    /// How token states of documents are kept when a request does not say; nil keeps none.
    package var keptStates: TokenStates.Format?
    /// The trained heads.
    package var heads = HeadRegistry()
    /// When the server started, seconds since 1970: OpenAI's `created`.
    package var started: Int

    /// The defaults, of a server that started at this second since 1970.
    package init(version: String, started: Int) {
        self.version = version
        self.started = started
    }
}
