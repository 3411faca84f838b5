import HTTPTypes

/// Reading a request's body, as far as its handler asks for it.
extension Connection {
    /// The next piece of the body of request `number`, nil at its end.
    /// - Throws: `RequestBodyError`; `.disconnected` too when the request is over, or when another
    ///   task is reading already.
    func nextBodyPiece(of number: Int) async throws -> [UInt8]? {
        guard number == exchange, !isReadingBody else { throw RequestBodyError.disconnected }
        isReadingBody = true
        defer { isReadingBody = false }
        var pieces = 0
        while true {
            switch body {
            case .complete: return nil
            case .failed(let error): throw error
            case .open: break
            }
            if let piece = try decodeBody() {
                if piece.isEmpty { continue }
                return piece
            }
            pieces += 1
            if pieces % 32 == 0 { await Task.yield() }
            try await fillBody()
            guard number == exchange else { throw RequestBodyError.disconnected }
        }
    }

    /// A piece out of what has been received; empty at the body's end, nil when bytes are missing.
    private func decodeBody() throws(RequestBodyError) -> [UInt8]? {
        do {
            switch try decoder.next() {
            case .body(let piece): return piece
            case .end, .head:
                endBody(.complete)
                return []
            case nil: return nil
            }
        } catch {
            bodyRefusal = error
            throw failBody(error.status == .contentTooLarge ? .tooLarge : .malformed)
        }
    }

    private func fillBody() async throws(RequestBodyError) {
        do throws(ConnectionError) {
            if let bytes = try stream.readNow(atMost: Self.bodyPiece) {
                appendToBody(bytes)
                return
            }
            if owesContinue {
                // The client waits for this; once it has sent anything, it does not.
                owesContinue = false
                if answer == .none, !decoder.hasBufferedBytes {
                    try await stream.write(ResponseEncoder.continueBytes)
                }
            }
            let start = ContinuousClock.now
            let timeout = isStreamed ? configuration.streamProgressTimeout : bodyPatience.left
            control.beginReading(until: start + timeout)
            defer { control.endReading() }
            let bytes = try await stream.read(atMost: Self.bodyPiece)
            bodyPatience.waited(.now - start)
            appendToBody(bytes)
        } catch {
            throw failBody(error == .timeout ? .timeout : .disconnected)
        }
    }

    private func appendToBody(_ bytes: [UInt8]) {
        bodyPatience.received(bytes: bytes.count)
        decoder.append(bytes)
    }

    private func failBody(_ error: RequestBodyError) -> RequestBodyError {
        endBody(.failed(error))
        return error
    }

    /// From here on the client has nothing to send, and so it has to read.
    private func endBody(_ end: BodyState) {
        body = end
        control.setWriteTimeout(configuration.writeProgressTimeout)
    }

    /// Skips what the handler left of the body, as far as it is here already.
    func skipBufferedBody() {
        var skipped = 0
        while body == .open {
            do {
                if let piece = try decodeBody() {
                    skipped += piece.count
                    continue
                }
            } catch {
                return
            }
            // A client that waits for 100 Continue has been answered without it: what it sends
            // next is the body or the next request, and nobody can tell which.
            if owesContinue || skipped > Self.skippedBytes { return }
            guard let bytes = try? stream.readNow(atMost: Self.bodyPiece) else { return }
            decoder.append(bytes)
        }
    }
}
