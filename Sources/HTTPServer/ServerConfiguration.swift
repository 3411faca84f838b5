/// Where a server listens.
package enum ListenAddress: Equatable, Sendable {
    /// An IPv4 or IPv6 literal, or `localhost` for 127.0.0.1. Port 0 lets the system choose.
    case tcp(host: String, port: UInt16)
    /// A socket file.
    case unix(path: String)
}

/// What a server takes, and how long it waits.
package struct ServerConfiguration: Sendable {
    /// Where to listen.
    package var address: ListenAddress
    /// The largest request body, in bytes, after chunked decoding.
    package var maximumBodyBytes: Int
    /// The most connections at a time; past it, new ones wait in the system's backlog. The process's
    /// descriptor limit may allow for fewer.
    package var maximumConnections: Int
    /// From a request's first byte to the end of its head; also for a new connection's first byte.
    package var headerTimeout: Duration
    /// The longest wait for the next bytes of a body that the handler is reading. What was waited counts
    /// until bytes make up for it, so that a body of a byte now and then is not waited for much longer.
    package var bodyProgressTimeout: Duration
    /// So many bytes of a body make up for a second of waiting for it.
    package var minimumBodyRate: Int
    /// The same for bodies of ``DecoderLimits/streamedPaths``: their clients may wait for an answer to
    /// what they sent before they send more.
    package var streamProgressTimeout: Duration
    /// The longest wait for the client to take any bytes of the answer; on
    /// ``DecoderLimits/streamedPaths`` it begins when the request's body has ended.
    package var writeProgressTimeout: Duration
    /// The most bytes of an answer that wait in a file until the client has sent its request: past it,
    /// the client has to read before it sends more. Only for ``DecoderLimits/streamedPaths``.
    package var maximumSpoolBytes: Int
    /// From the end of an answer to the next request's first byte.
    package var idleTimeout: Duration
    /// From `shutdown()` until what still runs is cancelled.
    package var drainTimeout: Duration
    /// From there until connections are cut off, and again until what ignores that is left behind.
    package var cancelTimeout: Duration
    /// The longest wait, after the last answer, for the client to close; `writeProgressTimeout` while it
    /// still sends a body of ``DecoderLimits/streamedPaths``.
    package var lingerTimeout: Duration
    /// The bounds of header and framing; its `body` is replaced by `maximumBodyBytes`.
    package var decoderLimits: DecoderLimits
    /// Builds the answer for a request that no handler sees.
    package var refusal: @Sendable (Refusal) -> ServerResponse

    /// A configuration with the documented defaults.
    package init(
        address: ListenAddress,
        maximumBodyBytes: Int = 64 * 1024 * 1024,
        maximumConnections: Int = 1024,
        headerTimeout: Duration = .seconds(10),
        bodyProgressTimeout: Duration = .seconds(10),
        minimumBodyRate: Int = 1024,
        streamProgressTimeout: Duration = .seconds(300),
        writeProgressTimeout: Duration = .seconds(10),
        maximumSpoolBytes: Int = 1 << 30,
        idleTimeout: Duration = .seconds(75),
        drainTimeout: Duration = .seconds(30),
        cancelTimeout: Duration = .milliseconds(500),
        lingerTimeout: Duration = .seconds(1),
        decoderLimits: DecoderLimits = DecoderLimits(),
        refusal: @escaping @Sendable (Refusal) -> ServerResponse = { $0.response() }
    ) {
        self.address = address
        self.maximumBodyBytes = maximumBodyBytes
        self.maximumConnections = maximumConnections
        self.headerTimeout = headerTimeout
        self.bodyProgressTimeout = bodyProgressTimeout
        self.minimumBodyRate = minimumBodyRate
        self.streamProgressTimeout = streamProgressTimeout
        self.writeProgressTimeout = writeProgressTimeout
        self.maximumSpoolBytes = maximumSpoolBytes
        self.idleTimeout = idleTimeout
        self.drainTimeout = drainTimeout
        self.cancelTimeout = cancelTimeout
        self.lingerTimeout = lingerTimeout
        self.decoderLimits = decoderLimits
        self.refusal = refusal
    }

    var effectiveLimits: DecoderLimits {
        var limits = decoderLimits
        limits.body = maximumBodyBytes
        return limits
    }
}
