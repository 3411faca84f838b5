import HTTPTypes

/// The service's own header fields.
extension HTTPField.Name {
    private static func known(_ name: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(name) else {
            preconditionFailure("\(name) is not a header name")
        }
        return name
    }

    static let origin = known("origin")
    static let accessControlRequestMethod = known("access-control-request-method")
    static let accessControlAllowOrigin = known("access-control-allow-origin")
    static let accessControlAllowMethods = known("access-control-allow-methods")
    static let accessControlAllowHeaders = known("access-control-allow-headers")
    static let accessControlExposeHeaders = known("access-control-expose-headers")
    static let accessControlMaxAge = known("access-control-max-age")
    static let requestID = known("x-request-id")
    static let contentSecurityPolicy = known("content-security-policy")
    static let traceParent = known("traceparent")
    static let requestTimeout = known("x-request-timeout")
    static let location = known("location")
    static let cacheOutcome = known("x-cache")
    static let totalTime = known("x-total-time")
    static let tokenizationTime = known("x-tokenization-time")
    static let queueTime = known("x-queue-time")
    static let inferenceTime = known("x-inference-time")
    static let computeTokens = known("x-compute-tokens")
    static let inputTokens = known("x-input-tokens")
    static let computeCharacters = known("x-compute-characters")
    static let scoring = known("x-scoring")
    static let truncatedInputs = known("x-truncated-inputs")
}

extension Duration {
    /// Whole microseconds.
    var microseconds: Int64 {
        components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000
    }
}
