import Checkpoints
import Foundation
import Synchronization

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// Asks a hub. It speaks the part of Hugging Face's interface that its mirrors have too:
/// `/api/models/NAME/revision/REVISION` and `/NAME/resolve/COMMIT/PATH`.
package struct HubClient: Sendable {
    /// Where repositories are looked for unless told otherwise.
    package static let huggingFace = "https://huggingface.co"

    /// The address that all paths are put behind, without a slash at its end.
    let endpoint: String
    private let token: String?
    /// How long to wait before each further try, where one failed for a reason that may pass.
    private let pauses: [Duration]
    /// The most bytes of a file that are asked for at a time. What comes faster than the disk takes it
    /// waits in memory, and this bounds it.
    private let piece: Int
    /// Is told about a pause, and why it is made.
    private let pausing: @Sendable (HubError, Duration) -> Void

    /// Throws `HubError.endpointInvalid` where `endpoint` is no http or https address.
    package init(
        endpoint: String = HubClient.huggingFace, token: String? = nil,
        pauses: [Duration] = [.seconds(1), .seconds(2), .seconds(4), .seconds(8), .seconds(16)],
        piece: Int = 128 << 20,
        pausing: @escaping @Sendable (HubError, Duration) -> Void = { _, _ in }
    ) throws(HubError) {
        var text = endpoint
        while text.hasSuffix("/") { text.removeLast() }
        guard let parts = URLComponents(string: text),
            ["http", "https"].contains(parts.scheme?.lowercased()),
            let host = parts.host, !host.isEmpty, parts.query == nil, parts.fragment == nil
        else { throw .endpointInvalid(endpoint) }
        self.endpoint = text
        self.token = token
        self.pauses = pauses
        self.piece = piece
        self.pausing = pausing
    }

    private static let longestListing = 32 << 20

    /// The files of a repository at its revision. Throws `HubError`.
    package func listing(of repository: HubRepository) async throws(HubError) -> HubListing {
        let url =
            "\(endpoint)/api/models/\(repository.name)/revision/"
            + "\(Self.escaped(repository.revision))?blobs=true"
        let answer = Mutex(Data())
        try await tryAgain(url, repository) {
            answer.withLock { $0 = Data() }
            try await HubExchange.run(try request(url)) { head in
                try Self.check(head, url: url)
            } body: { data in
                let length = answer.withLock {
                    $0.append(data)
                    return $0.count
                }
                guard length <= Self.longestListing else {
                    throw HubError.answerTooLong(url: url, limit: Self.longestListing)
                }
            }
        }
        return try HubListing(answer.withLock { $0 }, repository: repository, url: url)
    }

    /// Fetches what `part` lacks of a file, or all of it where the hub sends all; whether it is what it
    /// should be, is not looked at. `progress` gets the number of bytes that are there, again and again.
    /// Throws `HubError`.
    func fetch(
        _ file: HubFile, of listing: HubListing, into part: PartialFile,
        progress: @escaping @Sendable (Int) -> Void
    ) async throws(HubError) {
        let path = file.path.split(separator: "/").map { Self.escaped(String($0)) }
        let url =
            "\(endpoint)/\(listing.repository.name)/resolve/\(listing.commit)/"
            + path.joined(separator: "/")
        while part.count < file.size {
            try await tryAgain(url, listing.repository, part) {
                let start = part.count
                let end = min(file.size, start + piece)
                let range = end - start < file.size ? "bytes=\(start)-\(end - 1)" : nil
                try await HubExchange.run(try request(url, range: range)) { head in
                    if head.status == 416 { try part.restart() }
                    try Self.check(head, url: url)
                    guard range != nil, head.status == 206 else { return try part.restart() }
                    guard head["content-range"]?.hasPrefix("bytes \(start)-") == true else {
                        throw HubError.answerInvalid(
                            url: url, expected: "the bytes from \(start) on")
                    }
                } body: { data in
                    try part.append(data)
                    progress(part.count)
                }
                // Without a length, an answer that was cut off looks like one that came to its end.
                guard part.count >= end else { throw Self.endedEarly }
            }
        }
    }

    private static let endedEarly = URLError(
        .networkConnectionLost,
        userInfo: [NSLocalizedDescriptionKey: "the answer ended before its time"])

    /// A GET of `url`, or of a range of it.
    private func request(_ url: String, range: String? = nil) throws(HubError) -> URLRequest {
        guard let address = URL(string: url) else { throw .endpointInvalid(endpoint) }
        var request = URLRequest(url: address)
        // Compressed bytes would be counted and resumed wrongly.
        request.setValue("identity", forHTTPHeaderField: "Accept-Encoding")
        request.setValue("bigs", forHTTPHeaderField: "User-Agent")
        if let token { request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization") }
        if let range { request.setValue(range, forHTTPHeaderField: "Range") }
        return request
    }

    /// An answer that is none of those that were asked for.
    private struct Refusal: Error {
        let status: Int
        let message: String
        let retryAfter: Int?
    }

    private static func check(_ head: HubAnswer, url: String) throws {
        guard (200...299).contains(head.status) else {
            let message = head["x-error-message"] ?? ""
            throw Refusal(
                status: head.status, message: String(message.prefix(300)),
                retryAfter: head["retry-after"].flatMap { Int($0) })
        }
        // Foundation inflates what comes compressed, to any size, and nobody asked for it.
        let coding = head["content-encoding"]?.lowercased() ?? "identity"
        guard coding == "identity" else {
            throw HubError.answerInvalid(url: url, expected: "bytes that are not compressed")
        }
    }

    /// Calls `attempt` until it ends well, or with an error that does not pass, or with one more error in
    /// a row than there are pauses; an attempt after which `part` has more than ever begins a new row.
    private func tryAgain(
        _ url: String, _ repository: HubRepository, _ part: PartialFile? = nil,
        _ attempt: () async throws -> Void
    ) async throws(HubError) {
        var (row, furthest) = (0, part?.count ?? 0)
        while true {
            let failure: any Error
            do {
                return try await attempt()
            } catch {
                failure = error
            }
            if let part, part.count > furthest { (row, furthest) = (0, part.count) }
            let error = translated(failure, url, repository)
            guard Self.mayPass(failure, begun: part != nil), row < pauses.count else { throw error }
            let asked = ((failure as? Refusal)?.retryAfter).map {
                Duration.seconds(min(60, max(0, $0)))
            }
            let pause = max(pauses[row], asked ?? .zero)
            pausing(error, pause)
            do {
                try await Task.sleep(for: pause)
            } catch _ {
                throw error
            }
            row += 1
        }
    }

    /// Whether the next attempt may do better. A host that is not there, or not trusted, when the listing
    /// is asked for is a wrong address; later it is a network that was lost.
    static func mayPass(_ failure: any Error, begun: Bool) -> Bool {
        switch failure {
        case let refusal as Refusal:
            [408, 416, 429].contains(refusal.status) || refusal.status >= 500
        case let error as URLError:
            switch error.code {
            case .cannotFindHost, .cannotConnectToHost, .dnsLookupFailed, .unknown: begun
            case .badURL, .unsupportedURL, .cancelled, .httpTooManyRedirects,
                .secureConnectionFailed, .serverCertificateUntrusted,
                .serverCertificateHasBadDate, .serverCertificateHasUnknownRoot,
                .serverCertificateNotYetValid:
                false
            default: true
            }
        default: false
        }
    }

    private func translated(
        _ failure: any Error, _ url: String, _ repository: HubRepository
    ) -> HubError {
        switch failure {
        case let error as HubError: return error
        case let refusal as Refusal:
            switch refusal.status {
            case 401, 403:
                return .unauthorized(
                    repository: repository.name, hasToken: token != nil, message: refusal.message)
            case 404:
                return .notFound(
                    repository: "\(repository.name) at \(repository.revision)",
                    message: refusal.message)
            default:
                return .refused(url: url, status: refusal.status, message: refusal.message)
            }
        default:
            return .unreachable(host: endpoint, reason: SystemReason.text(of: failure))
        }
    }

    /// Percent-escapes all but unreserved characters (RFC 3986 section 2.3).
    static func escaped(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: unreserved) ?? text
    }

    private static let unreserved = CharacterSet(
        charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
}
