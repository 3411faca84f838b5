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
        /// The last head that came.
        var answer: HubAnswer?
        var isJudged = false
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
    private func attempt(_ task: URLSessionTask, _ work: () throws -> Void) {
        guard state.withLock({ $0.failure == nil }) else { return }
        do {
            try work()
        } catch {
            state.withLock { $0.failure = error }
            task.cancel()
        }
    }

    /// Decides about the answer, once. A redirect that leads nowhere has a head that only the task knows.
    private func judge(_ task: URLSessionTask) throws {
        let isFirst = state.withLock { state in
            defer { state.isJudged = true }
            return !state.isJudged
        }
        guard isFirst else { return }
        let known = state.withLock { $0.answer }
        guard
            let answer = known ?? (task.response as? HTTPURLResponse).map({ HubAnswer($0) })
        else { throw URLError(.badServerResponse) }
        try head(answer)
    }

    /// What a proxy says to CONNECT, and what a hub says before its answer (103), comes here as well, so
    /// that the last head is the one that counts.
    func urlSession(
        _ session: URLSession, dataTask: URLSessionDataTask, didReceive response: URLResponse,
        completionHandler: @escaping @Sendable (URLSession.ResponseDisposition) -> Void
    ) {
        if let response = response as? HTTPURLResponse {
            state.withLock { $0.answer = HubAnswer(response) }
        }
        completionHandler(.allow)
    }

    func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
        attempt(dataTask) {
            try judge(dataTask)
            try body(data)
        }
    }

    func urlSession(
        _ session: URLSession, task: URLSessionTask,
        willPerformHTTPRedirection response: HTTPURLResponse, newRequest: URLRequest,
        completionHandler: @escaping @Sendable (URLRequest?) -> Void
    ) {
        state.withLock { $0.answer = nil }
        do throws(HubError) {
            completionHandler(
                try Self.redirected(
                    to: response.value(forHTTPHeaderField: "Location"),
                    from: response.url ?? task.originalRequest?.url, asked: task.originalRequest))
        } catch {
            // No request ends the task; to cancel it as well would be one end too many.
            state.withLock { $0.failure = error }
            completionHandler(nil)
        }
    }

    /// The request that follows a redirect. Its address is made here, because the one that Foundation
    /// makes of a relative reference has lost its escapes. Throws `HubError.redirectRefused`.
    static func redirected(
        to location: String?, from: URL?, asked: URLRequest?
    ) throws(HubError) -> URLRequest {
        let refusal = HubError.redirectRefused(
            from: from?.absoluteString ?? "the hub", to: String((location ?? "nowhere").prefix(300))
        )
        guard let location, let target = URL(string: location, relativeTo: from)?.absoluteURL,
            target.host?.isEmpty == false, let scheme = target.scheme?.lowercased(),
            scheme == "https" || (scheme == "http" && from?.scheme?.lowercased() == "http"),
            var next = asked
        else { throw refusal }
        let origin = next.url
        next.url = target
        if target.host?.lowercased() != origin?.host?.lowercased() || target.port != origin?.port
            || scheme != origin?.scheme?.lowercased()
        {
            next.setValue(nil, forHTTPHeaderField: "Authorization")
        }
        return next
    }

    func urlSession(
        _ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?
    ) {
        if error == nil { attempt(task) { try judge(task) } }
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
