import HTTPServer
import HTTPTypes
import Testing

@Suite("Slow clients and clients that leave", .timeLimit(.minutes(10)))
struct TimeTests {
    /// What `text` is answered by a server that waits for a request's first byte no longer than for its
    /// head: a client that gets to sending too late is closed without an answer, and tries again.
    private func answer(_ address: String, _ text: String) async throws -> String {
        while true {
            let answer = (try? await exchange(address, text)) ?? ""
            if !answer.isEmpty { return answer }
        }
    }

    @Test("half a head is answered 408 after the header timeout")
    func slowHeader() async throws {
        var configuration = loopback()
        configuration.headerTimeout = .milliseconds(150)
        try await withServer(configuration, handler: echo) { address, _ in
            let answer = try await answer(address, "GET / HTTP/1.1\r\nHost")
            #expect(answer.hasPrefix("HTTP/1.1 408 "))
            #expect(answer.contains("\"error_type\":\"Timeout\""))
        }
    }

    @Test("progress does not prolong the time for a head")
    func drippingHeader() async throws {
        var configuration = loopback()
        configuration.headerTimeout = .milliseconds(150)
        try await withServer(configuration, handler: echo) { address, _ in
            var answered: [UInt8] = []
            while answered.isEmpty {
                let client = try await TestClient.connect(address)
                while answered.isEmpty {
                    do {
                        try await client.send("A")
                        answered = try await client.receive(patience: 0.02)
                        if answered.isEmpty { break }
                    } catch TestClient.Failure.timeout {
                        continue
                    } catch {
                        break
                    }
                }
            }
            #expect(String(decoding: answered, as: UTF8.self).hasPrefix("HTTP/1.1 408 "))
        }
    }

    @Test("a connection without a byte is closed without an answer")
    func silent() async throws {
        var configuration = loopback()
        configuration.headerTimeout = .milliseconds(100)
        try await withServer(configuration, handler: echo) { address, _ in
            let answer = try await exchange(address, "")
            #expect(answer.isEmpty)
        }
    }

    @Test("an idle connection is closed without an answer")
    func idle() async throws {
        var configuration = loopback()
        configuration.idleTimeout = .milliseconds(100)
        try await withServer(configuration, handler: echo) { address, _ in
            let answer = try await exchange(address, "GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(answer.hasSuffix("GET / 0"))
        }
    }

    @Test("a body that stops coming is 408 for the client and .timeout for the handler")
    func slowBody() async throws {
        var configuration = loopback()
        configuration.bodyProgressTimeout = .milliseconds(100)
        let errors = Mailbox<RequestBodyError?>()
        let wasCancelled = Mailbox<Bool>()
        try await withServer(configuration) { request in
            do {
                return .text("\(try await request.body.collect(upTo: 100).count)")
            } catch {
                errors.post(error as? RequestBodyError)
                // The client is there: what the handler still does is not cut off as if it had left.
                try? await Task.sleep(for: .milliseconds(300))
                wasCancelled.post(Task.isCancelled)
                return .text("mine", status: .internalServerError)
            }
        } body: { address, _ in
            let answer = try await exchange(
                address, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc")
            #expect(answer.hasPrefix("HTTP/1.1 408 "))
            #expect(await errors.next() == .timeout)
            #expect(await wasCancelled.next() == false)
        }
    }

    @Test("a body that drips is 408 in the end")
    func drippingBody() async throws {
        var configuration = loopback()
        configuration.bodyProgressTimeout = .milliseconds(300)
        configuration.minimumBodyRate = 1000
        try await withServer(configuration) { request in
            let count = try? await request.body.collect(upTo: 1 << 20).count
            return .text(count.map(String.init) ?? "none")
        } body: { address, _ in
            let client = try await TestClient.connect(address)
            try await client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 8000\r\n\r\n")
            var answered: [UInt8] = []
            var sent = 0
            while answered.isEmpty, sent < 100 {
                try? await client.send("x")
                sent += 1
                answered = (try? await client.receive(patience: 0.03)) ?? []
            }
            // A server that lags behind has read them as if they came at once.
            if answered.isEmpty { answered = try await client.receive() }
            #expect(String(decoding: answered, as: UTF8.self).hasPrefix("HTTP/1.1 408 "))
        }
    }

    @Test("a client that does not read stops the writer, then loses its connection")
    func slowReader() async throws {
        var configuration = loopback()
        configuration.writeProgressTimeout = .milliseconds(200)
        let outcome = Mailbox<(Int, BodyWriterError?)>()
        let piece = [UInt8](repeating: 0x78, count: 256 * 1024)
        try await withServer(configuration) { _ in
            ServerResponse(
                body: .stream { writer in
                    var written = 0
                    do {
                        while written < 1 << 30 {
                            try await writer.write(piece)
                            written += piece.count
                        }
                    } catch {
                        outcome.post((written, error as? BodyWriterError))
                        throw error
                    }
                })
        } body: { address, _ in
            let client = try await TestClient.connect(address)
            try await client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            let (written, error) = try #require(await outcome.next())
            #expect(error == .timeout)
            // No more than what the system's two buffers hold.
            #expect(written < 64 << 20)
            client.leave()
        }
    }

    @Test("a body that the handler does not read is not taken from the client either")
    func bodyBackPressure() async throws {
        let started = Mailbox<Void>()
        let gate = Mailbox<Void>()
        try await withServer { _ in
            started.post(())
            _ = await gate.next()
            return .text("done")
        } body: { address, _ in
            let client = try await TestClient.connect(address)
            try await client.send(
                "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: \(60 << 20)\r\n\r\n")
            _ = await started.next()
            let piece = [UInt8](repeating: 0x78, count: 1 << 20)
            let taken = await client.flood(piece, atMost: 59 << 20, patience: 0.3)
            #expect(taken < 40 << 20)
            gate.post(())
        }
    }

    @Test("a client that leaves cancels its handler", arguments: [false, true])
    func disconnect(_ withUnreadBytes: Bool) async throws {
        let events = Mailbox<String>()
        try await withServer { _ in
            events.post("started")
            do {
                try await Task.sleep(for: .seconds(60))
                events.post("slept")
            } catch {
                events.post("cancelled")
            }
            return .text("late")
        } body: { address, server in
            let client = try await TestClient.connect(address)
            // Bytes that nobody has read must not hide the end behind them.
            let more = withUnreadBytes ? "GET /more HTTP/1.1\r\nHost: h\r\n\r\n" : ""
            try await client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n" + more)
            #expect(await events.next() == "started")
            client.leave()
            #expect(await events.next() == "cancelled")
        }
    }

    @Test("a client that leaves in the middle of its body ends the reading")
    func disconnectInBody() async throws {
        let errors = Mailbox<RequestBodyError?>()
        try await withServer { request in
            do {
                _ = try await request.body.collect(upTo: 100)
            } catch {
                errors.post(error as? RequestBodyError)
            }
            return .text("late")
        } body: { address, _ in
            let client = try await TestClient.connect(address)
            try await client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc")
            client.leave()
            #expect(await errors.next() == .disconnected)
        }
    }
}
