import HTTPTypes
import Logging

/// One client's connection: requests are read, handled and answered one after the other.
///
/// An actor, because the request's body and the answer's writer reach it from the handler's tasks.
actor Connection {
    /// What became of the current request's body.
    enum BodyState: Equatable {
        case open
        case complete
        case failed(RequestBodyError)
    }

    static let headPiece = 4 * 1024
    static let bodyPiece = 64 * 1024
    /// Unread bytes that are skipped to keep a connection, or to end it in peace.
    static let skippedBytes = 64 * 1024
    static let lingerBytes = 64 * 1024 * 1024

    let control: ConnectionControl
    let stream: ConnectionStream
    let remoteAddress: String?
    let configuration: ServerConfiguration
    let state: ServerState
    let logger: Logger
    let handler: @Sendable (ServerRequest) async -> ServerResponse

    var decoder: RequestDecoder
    var exchange = 0
    var body = BodyState.complete
    /// Why the body was refused, when its bytes were.
    var bodyRefusal: RequestDecodingError?
    var isReadingBody = false
    /// How long the current body may still be waited for.
    var bodyPatience = BodyPatience(longest: .zero, rate: 1)
    var owesContinue = false
    /// Whether the current request is one of ``DecoderLimits/streamedPaths``.
    var isStreamed = false
    var answer: AnswerState = .none
    var isWriting = false
    var writeWaiters: [CheckedContinuation<Void, Never>] = []
    /// Where the current answer goes while its request may still be coming in.
    var spool: Spool?

    init(
        stream: ConnectionStream, remoteAddress: String?, configuration: ServerConfiguration,
        state: ServerState, logger: Logger,
        handler: @escaping @Sendable (ServerRequest) async -> ServerResponse
    ) {
        control = stream.control
        self.stream = stream
        self.remoteAddress = remoteAddress
        self.configuration = configuration
        self.state = state
        self.logger = logger
        self.handler = handler
        decoder = RequestDecoder(limits: configuration.effectiveLimits)
    }

    /// Serves until either side ends the connection, then closes it.
    func run() async {
        var served = 0
        var isOpen = true
        while isOpen, !Task.isCancelled {
            // A client that never makes us wait must not keep a thread to itself.
            if served % 32 == 31 { await Task.yield() }
            isOpen = await serveNext(isFirst: served == 0)
            served += 1
        }
        control.close()
        state.remove(control)
    }

    /// - Returns: whether another request may follow.
    private func serveNext(isFirst: Bool) async -> Bool {
        do {
            let head = try await readHead(isFirst: isFirst)
            if try await serve(head) { return true }
            await linger()
        } catch let error as RequestDecodingError {
            let refusal = Refusal(error, request: decoder.partialRequest)
            await refuse(refusal)
        } catch ConnectionError.timeout where !decoder.isIdle && answer == .none {
            await refuse(.timeout(decoder.partialRequest))
        } catch {
            // Gone, or idle for too long: there is nobody to tell.
        }
        return false
    }

    private func readHead(isFirst: Bool) async throws -> RequestHead {
        answer = .none
        var deadline: ContinuousClock.Instant?
        while true {
            if let event = try decoder.next() {
                guard case .head(let head) = event else { continue }
                control.endReading()
                return head
            }
            if let bytes = try stream.readNow(atMost: Self.headPiece) {
                decoder.append(bytes)
                continue
            }
            if decoder.isIdle {
                let limit = isFirst ? configuration.headerTimeout : configuration.idleTimeout
                control.beginReading(until: .now + limit, idle: true, again: !isFirst)
                // Checked after the wait is announced: a drain that began in between ends it.
                if state.isDraining { throw ConnectionError.disconnected }
            } else {
                // Counted from the first byte: progress does not prolong it.
                let end = deadline ?? .now + configuration.headerTimeout
                deadline = end
                control.beginReading(until: end)
            }
            let bytes = try await stream.read(atMost: Self.headPiece)
            control.endReading()
            decoder.append(bytes)
        }
    }

    private func serve(_ head: RequestHead) async throws -> Bool {
        exchange += 1
        let number = exchange
        body = .open
        bodyRefusal = nil
        bodyPatience = BodyPatience(
            longest: configuration.bodyProgressTimeout, rate: configuration.minimumBodyRate)
        owesContinue = head.expectsContinue
        isStreamed = configuration.decoderLimits.isStreamed(head.request)
        if head.framing == .none { skipBufferedBody() }
        let request = ServerRequest(
            head: head.request,
            body: RequestBody(pull: { [self] in try await nextBodyPiece(of: number) }),
            remoteAddress: remoteAddress)
        control.setHandling(true)
        defer {
            control.setHandling(false)
            exchange += 1
        }
        let response = await handler(request)
        return try await send(response, to: head, number: number)
    }

    /// Answers a request that cannot be served, and ends the connection.
    private func refuse(_ refusal: Refusal) async {
        logger.debug(
            "request refused",
            metadata: [
                "status": "\(refusal.status.code)", "reason": "\(refusal.message)",
                "request_id": "\(refusal.requestID)", "client": "\(remoteAddress ?? "unix")",
            ])
        control.endReading()
        do {
            try await sendRefusal(refusal, isHead: decoder.partialRequest?.method == .head)
            await linger()
        } catch {
            // The client left before it heard why.
        }
    }

    /// Waits shortly for the client to close, so that what it still sends does not reset the
    /// connection before it has read the answer (RFC 9112 section 9.6). One that is in the middle of
    /// a body of any length has as much time as others have to begin to read.
    private func linger() async {
        control.finishWriting()
        guard configuration.lingerTimeout > .zero, !Task.isCancelled else { return }
        let isSending = isStreamed && body == .open
        let timeout =
            isSending ? configuration.writeProgressTimeout : configuration.lingerTimeout
        control.beginReading(until: .now + timeout)
        defer { control.endReading() }
        if isSending { return await discardRest() }
        var discarded = 0
        while discarded < Self.lingerBytes,
            let bytes = try? await stream.read(atMost: Self.bodyPiece)
        {
            discarded += bytes.count
        }
    }
}
