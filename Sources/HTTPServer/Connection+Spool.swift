import Logging

/// Answers that are written while their request is still being read.
///
/// Many clients send all they have before they read anything. A server that waited for them to take
/// its answer, and therefore did not read on, would wait forever. So as long as there is more of the
/// body to come, the client need not take a byte: what it leaves waits in a ``Spool``. From the
/// body's end on it has to read, as any client does.
extension Connection {
    /// Runs `produce`, whose pieces go through a spool, and returns when the client has taken them.
    /// - Throws: what `produce` throws, else `ConnectionError`.
    func spooling(_ produce: () async throws -> Void) async throws {
        let spool = Spool(files: state.spoolFiles)
        self.spool = spool
        defer {
            self.spool = nil
            control.setWriteTimeout(configuration.writeProgressTimeout)
        }
        // Before anything is sent: a client that sends need not read.
        if body == .open { control.setWriteTimeout(nil) }
        async let emptied: Void = empty(spool)
        do {
            try await produce()
            control.setWriteTimeout(configuration.writeProgressTimeout)
            await spool.end()
            async let _ = discardRest()
            try await emptied
        } catch {
            await spool.fail(.disconnected)
            throw error
        }
    }

    /// Sends a part of a streamed answer, or puts it into the spool. Waits until the client has taken
    /// it when it has to read now.
    func pass(_ bytes: [UInt8]) async throws(ConnectionError) {
        guard let spool else { return try await write(bytes) }
        let hasRoom = try await spool.add(bytes)
        if !hasRoom { logger.debug("a client leaves more unread than can be kept for it") }
        if !hasRoom || body != .open {
            control.setWriteTimeout(configuration.writeProgressTimeout)
            try await spool.waitUntilTaken()
        }
        if body == .open { control.setWriteTimeout(nil) }
    }

    /// Lets a client go on whose body was not read to its end, so that it comes to reading.
    func discardRest() async {
        var pieces = 0
        while body == .open, (try? await stream.read(atMost: Self.bodyPiece)) != nil {
            pieces += 1
            if pieces % 32 == 0 { await Task.yield() }
        }
    }

    private func empty(_ spool: Spool) async throws(ConnectionError) {
        do {
            while let bytes = try await spool.take() { try await write(bytes) }
        } catch {
            await spool.fail(error)
            throw error
        }
    }
}
