import HTTPServer
import HTTPTypes
import Logging
import TestSupport

/// A logger that says nothing.
let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// A configuration for loopback whose times are longer than any machine stalls; the caller shortens
/// those it is about.
func loopback() -> ServerConfiguration {
    ServerConfiguration(
        address: .tcp(host: "127.0.0.1", port: 0), headerTimeout: .seconds(600),
        bodyProgressTimeout: .seconds(600), writeProgressTimeout: .seconds(600),
        idleTimeout: .seconds(600), drainTimeout: .seconds(60), cancelTimeout: .seconds(60),
        lingerTimeout: .seconds(60))
}

/// Runs a server around `body`, then shuts it down and waits for it.
func withServer(
    _ configuration: ServerConfiguration = loopback(),
    handler: @escaping @Sendable (ServerRequest) async -> ServerResponse,
    body: (String, HTTPServer) async throws -> Void
) async throws {
    let server = HTTPServer(configuration: configuration, logger: silent, handler: handler)
    try await server.whileRunning { try await body($0, server) }
}

/// Sends `text` on a new connection and returns everything until the server closes.
func exchange(_ address: String, _ text: String) async throws -> String {
    let client = try await TestClient.connect(address)
    try await client.send(text)
    return String(decoding: try await client.receiveAll(), as: UTF8.self)
}

/// Answers with method, path and body length: `POST /a 5`.
@Sendable func echo(_ request: ServerRequest) async -> ServerResponse {
    do {
        let body = try await request.body.collect(upTo: .max)
        return .text("\(request.head.method.rawValue) \(request.path) \(body.count)")
    } catch {
        return .text("\(error)", status: .internalServerError)
    }
}

extension ServerResponse {
    static func text(_ text: String, status: HTTPResponse.Status = .ok) -> ServerResponse {
        ServerResponse(status: status, body: .bytes(Array(text.utf8)))
    }
}

/// Values that one task sends and another waits for, in order.
struct Mailbox<Value: Sendable>: Sendable {
    private let stream: AsyncStream<Value>
    private let continuation: AsyncStream<Value>.Continuation

    init() { (stream, continuation) = AsyncStream.makeStream() }

    func post(_ value: Value) { continuation.yield(value) }

    func next() async -> Value? {
        for await value in stream { return value }
        return nil
    }
}
