import Checkpoints
import Foundation
import Synchronization

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// The head of an answer.
struct HubAnswer: Sendable {
    let status: Int
    private let fields: [String: String]

    init(_ response: HTTPURLResponse) {
        status = response.statusCode
        var fields: [String: String] = [:]
        for (name, value) in response.allHeaderFields {
            fields["\(name)".lowercased()] = "\(value)"
        }
        self.fields = fields
    }

    /// A header field by its lower-case name.
    subscript(name: String) -> String? { fields[name] }
}

/// One GET, and what comes of it. Redirects are followed; the token is sent to the host that was asked
/// and to no other, and an answer that began under TLS stays under it.
///
/// All calls come one after another on the session's queue, which the lock makes plain to the compiler.
final class HubExchange: NSObject, URLSessionDataDelegate {
    /// Decides about an answer by its head; throws to leave it unread.
    typealias Head = @Sendable (HubAnswer) throws -> Void
    /// Takes the next bytes of the body; throws to leave the rest unread.
    typealias Body = @Sendable (Data) throws -> Void

    private struct State: Sendable {
        var failure: (any Error)?
        var finish: CheckedContinuation<Void, any Error>?
    }

    private let head: Head
    private let body: Body
    private let state = Mutex(State())

    private init(head: @escaping Head, body: @escaping Body) {
        self.head = head
        self.body = body
    }

    /// Sends `request` and hands over the answer. Throws what `head` and `body` throw, `URLError`, and
    /// `HubError.redirectRefused`.
    static func run(
        _ request: URLRequest, head: @escaping Head, body: @escaping Body
    ) async throws {
        let exchange = HubExchange(head: head, body: body)
        let configuration = URLSessionConfiguration.ephemeral
        configuration.timeoutIntervalForRequest = 60
        configuration.httpCookieStorage = nil
        configuration.urlCache = nil
        let queue = OperationQueue()
        queue.maxConcurrentOperationCount = 1
        let session = URLSession(
            configuration: configuration, delegate: exchange, delegateQueue: queue)
        defer { session.finishTasksAndInvalidate() }
        let task = session.dataTask(with: request)
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                exchange.state.withLock { $0.finish = continuation }
                task.resume()
            }
        } onCancel: {
            task.cancel()
        }
    }

    /// Does `work`, unless something went wrong before; what it throws ends the exchange.
    private func attempt(_ task: URLSessionTask, _ work: () throws -> Void) -> Bool {
        guard state.withLock({ $0.failure == nil }) else { return false }
        do {
            try work()
            return true
        } catch {
            state.withLock { $0.failure = error }
            task.cancel()
            return false
        }
    }

    func urlSession(
        _ session: URLSession, dataTask: URLSessionDataTask, didReceive response: URLResponse,
        completionHandler: @escaping @Sendable (URLSession.ResponseDisposition) -> Void
    ) {
        let goesOn = attempt(dataTask) {
            guard let response = response as? HTTPURLResponse else {
                throw URLError(.badServerResponse)
            }
            try head(HubAnswer(response))
        }
        completionHandler(goesOn ? .allow : .cancel)
    }

    func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
        _ = attempt(dataTask) { try body(data) }
    }

    func urlSession(
        _ session: URLSession, task: URLSessionTask,
        willPerformHTTPRedirection response: HTTPURLResponse, newRequest: URLRequest,
        completionHandler: @escaping @Sendable (URLRequest?) -> Void
    ) {
        var next = newRequest
        let followed = attempt(task) {
            next = try Self.redirected(newRequest, from: response.url, asked: task.originalRequest)
        }
        completionHandler(followed ? next : nil)
    }

    /// The request that follows a redirect. Throws `HubError.redirectRefused`.
    static func redirected(
        _ next: URLRequest, from: URL?, asked: URLRequest?
    ) throws(HubError) -> URLRequest {
        var next = next
        guard let target = next.url, let scheme = target.scheme?.lowercased(),
            scheme == "https" || (scheme == "http" && from?.scheme?.lowercased() == "http")
        else {
            throw .redirectRefused(
                from: from?.absoluteString ?? "the hub",
                to: (next.url?.absoluteString ?? "nowhere").printable)
        }
        for (name, value) in asked?.allHTTPHeaderFields ?? [:] {
            next.setValue(value, forHTTPHeaderField: name)
        }
        let origin = asked?.url
        if target.host?.lowercased() != origin?.host?.lowercased() || target.port != origin?.port
            || target.scheme?.lowercased() != origin?.scheme?.lowercased()
        {
            next.setValue(nil, forHTTPHeaderField: "Authorization")
        }
        return next
    }

    func urlSession(
        _ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?
    ) {
        let (finish, failure) = state.withLock { state in
            defer { state.finish = nil }
            return (state.finish, state.failure ?? error)
        }
        if let failure {
            finish?.resume(throwing: failure)
        } else {
            finish?.resume()
        }
    }
}
