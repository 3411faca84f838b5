import HTTPTypes
import Logging

/// How much of the current answer has left.
enum AnswerState: Equatable, Sendable {
    case none
    case started
}

/// Writing answers.
extension Connection {
    /// Up to this size, head and body leave in one write.
    static let singleWrite = 64 * 1024

    /// - Returns: whether another request may follow.
    /// - Throws: `ConnectionError` when the client cannot be written to.
    func send(_ response: ServerResponse, to head: RequestHead, number: Int) async throws -> Bool {
        defer { withExtendedLifetime(response.held) {} }
        let isHead = head.request.method == .head
        guard (200...599).contains(response.status.code) else {
            logger.error("a handler returned status \(response.status.code)")
            try await replaceAnswer(.internalError(head.request), isHead: isHead)
            return false
        }
        switch response.body {
        case .bytes(let bytes):
            control.setHandling(false)
            skipBufferedBody()
            if let refusal = brokenBodyRefusal(head, answered: response.status) {
                try await replaceAnswer(refusal, isHead: isHead)
                return false
            }
            let closes = !head.keepsAlive || body != .complete || state.isDraining
            try await send(response, bytes: bytes, isHead: isHead, closes: closes)
            return !closes
        case .stream(let write):
            return try await sendStream(
                response, to: head, number: number, isHead: isHead, write: write)
        }
    }

    /// The protocol's own answer when the body broke off, unless the handler gave it already.
    private func brokenBodyRefusal(
        _ head: RequestHead, answered status: HTTPResponse.Status
    ) -> Refusal? {
        guard case .failed(let error) = body else { return nil }
        // Only the decoder knows what is wrong with the framing.
        if let bodyRefusal { return Refusal(bodyRefusal, request: head.request) }
        guard error == .timeout else { return nil }
        let refusal = Refusal.timeout(head.request)
        return refusal.status == status ? nil : refusal
    }

    private func replaceAnswer(_ refusal: Refusal, isHead: Bool) async throws(ConnectionError) {
        var refusal = refusal
        refusal.replacesAnswer = true
        try await sendRefusal(refusal, isHead: isHead)
    }

    /// Sends a refusal; the connection is to be closed after it.
    func sendRefusal(_ refusal: Refusal, isHead: Bool) async throws(ConnectionError) {
        var response = configuration.refusal(refusal)
        if case .stream = response.body {
            logger.error("a refusal must not be streamed")
            response = refusal.response()
        }
        guard case .bytes(let bytes) = response.body else { return }
        try await send(response, bytes: bytes, isHead: isHead, closes: true)
    }

    private func send(
        _ response: ServerResponse, bytes: [UInt8], isHead: Bool, closes: Bool
    ) async throws(ConnectionError) {
        let hasNoBody = response.status == .noContent || response.status == .notModified
        var out = ResponseEncoder.head(
            status: response.status, headers: response.headers,
            framing: hasNoBody ? .none : .length(bytes.count), closes: closes, date: HTTPDate.now())
        answer = .started
        if hasNoBody || isHead {
            try await write(out)
        } else if out.count + bytes.count <= Self.singleWrite {
            out += bytes
            try await write(out)
        } else {
            try await write(out)
            try await write(bytes)
        }
    }

    private func sendStream(
        _ response: ServerResponse, to head: RequestHead, number: Int, isHead: Bool,
        write: @Sendable (BodyWriter) async throws -> Void
    ) async throws -> Bool {
        // The closure may still be reading the body: only what is complete now lets the
        // connection live on.
        let closes = !head.keepsAlive || body != .complete || state.isDraining
        let framing: ResponseEncoder.Framing = head.isVersion10 ? .untilClose : .chunked
        let hasNoBody = response.status == .noContent || response.status == .notModified
        let opening = ResponseEncoder.head(
            status: response.status, headers: response.headers,
            framing: hasNoBody ? .none : framing, closes: closes, date: HTTPDate.now())
        if isHead || hasNoBody {
            answer = .started
            try await self.write(opening)
            return !closes
        }
        let isChunked = framing == .chunked
        let writer = BodyWriter(send: { [self] piece in
            try await writePiece(piece, of: number, opening: opening, isChunked: isChunked)
        })
        func produce() async throws {
            try await write(writer)
            control.setHandling(false)
            var last = answer == .none ? opening : []
            if isChunked { last += ResponseEncoder.lastChunk }
            answer = .started
            try await pass(last)
        }
        do {
            if isStreamed, body == .open {
                try await spooling(produce)
            } else {
                try await produce()
            }
        } catch {
            logger.debug("a streamed answer broke off: \(error)")
            guard answer == .none else { throw ConnectionError.disconnected }
            var refusal =
                brokenBodyRefusal(head, answered: response.status) ?? .internalError(head.request)
            if body == .failed(.disconnected) {
                refusal = .cutOff(head.request, isStopping: state.isDraining)
            }
            // The name by which the handler knows the request.
            if let name = HTTPField.Name("x-request-id"), let id = response.headers[name] {
                refusal.requestID = id
            }
            try await replaceAnswer(refusal, isHead: false)
            return false
        }
        return !closes
    }

    private func writePiece(
        _ piece: [UInt8], of number: Int, opening: [UInt8], isChunked: Bool
    ) async throws {
        guard number == exchange else { throw BodyWriterError.finished }
        var bytes = isChunked ? ResponseEncoder.chunk(piece) : piece
        if answer == .none {
            answer = .started
            bytes = opening + bytes
        }
        do {
            try await pass(bytes)
        } catch {
            throw error == .timeout ? BodyWriterError.timeout : BodyWriterError.disconnected
        }
    }

    /// Writes `bytes` as a whole: a second writer waits until the first is done.
    func write(_ bytes: [UInt8]) async throws(ConnectionError) {
        while isWriting {
            await withCheckedContinuation { writeWaiters.append($0) }
        }
        isWriting = true
        defer {
            isWriting = false
            if !writeWaiters.isEmpty { writeWaiters.removeFirst().resume() }
        }
        try await stream.write(bytes)
    }
}
