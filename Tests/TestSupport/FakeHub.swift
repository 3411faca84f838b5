import Crypto
package import Foundation
import HTTPServer
import HTTPTypes
import Logging
import Synchronization

/// A hub on loopback with one repository, `owner/name`, which answers as huggingface.co does and fails as a
/// test asks it to.
package final class FakeHub: Sendable {
    /// A request that came.
    package struct Request: Sendable, Equatable {
        package let path: String
        /// The path as it was sent, with the query.
        package let target: String
        package let range: String?
        package let authorization: String?
    }

    /// What goes wrong with the next request for a file, each once.
    package enum Fault: Sendable {
        /// The connection closes after so many bytes.
        case cut(after: Int)
        case status(Int, message: String?)
        /// The whole file comes, whatever range was asked for.
        case ignoresRange
        /// One bit is another.
        case damaged
        /// More bytes than the file has.
        case longer
        /// As many bytes less than the file has.
        case shorter(by: Int)
        /// Another address is named.
        case redirect(String)
    }

    private struct State: Sendable {
        var files: [String: Data] = [:]
        var large: Set<String> = []
        var faults: [String: [Fault]] = [:]
        var requests: [Request] = []
        var listing: Data?
        var token: String?
        var elsewhere: String?
        var revisions: Set<String> = ["main"]
    }

    private let state = Mutex(State())
    private static let silent = Logger(label: "hub") { _ in SwiftLogNoOpLogHandler() }

    package init() {}

    /// Puts a file into the repository; a large one is in Git LFS, and comes by way of a redirect.
    package func put(_ path: String, _ content: Data, large: Bool = false) {
        state.withLock {
            $0.files[path] = content
            if large { $0.large.insert(path) } else { $0.large.remove(path) }
        }
    }

    package func remove(_ path: String) { state.withLock { $0.files[path] = nil } }
    package func fail(_ path: String, _ faults: [Fault]) {
        state.withLock { $0.faults[path] = faults }
    }
    package func add(revision: String) { state.withLock { _ = $0.revisions.insert(revision) } }
    /// What is answered instead of the true listing.
    package func answer(listing: String) { state.withLock { $0.listing = Data(listing.utf8) } }
    /// From now on every request needs this token.
    package func require(token: String) { state.withLock { $0.token = token } }
    /// Where large files lie: the address of a hub with the same files.
    package func send(to address: String) { state.withLock { $0.elsewhere = address } }

    /// The requests since the last call.
    package func takeRequests() -> [Request] {
        state.withLock { state in
            defer { state.requests = [] }
            return state.requests
        }
    }

    /// A commit's hash, which follows from the content.
    package var commit: String {
        let files = state.withLock { $0.files }
        var hash = Insecure.SHA1()
        for (path, content) in files.sorted(by: { $0.key < $1.key }) {
            hash.update(data: Data("\(path)\0".utf8) + content)
        }
        return Self.hexadecimal(hash.finalize())
    }

    /// Runs the hub around `body`, which gets its address.
    @discardableResult package func run<Result>(_ body: (String) async throws -> Result)
        async throws -> Result
    {
        let server = HTTPServer(
            configuration: ServerConfiguration(address: .tcp(host: "127.0.0.1", port: 0)),
            logger: Self.silent, handler: { [self] in respond($0) })
        return try await server.whileRunning { try await body("http://\($0)") }
    }

    private func respond(_ request: ServerRequest) -> ServerResponse {
        let fields = request.head.headerFields
        let token = state.withLock { state in
            state.requests.append(
                Request(
                    path: request.path, target: request.head.path ?? "", range: fields[.range],
                    authorization: fields[.authorization]
                ))
            return state.token
        }
        let segments = request.pathSegments
        if segments.first == "objects" {
            return content(segments.dropFirst().joined(separator: "/"), fields[.range])
        }
        if let token, fields[.authorization] != "Bearer \(token)" {
            return Self.refusal(.unauthorized, "RepoNotFound", "Repository not found")
        }
        if segments.starts(with: ["api", "models", "owner", "name"]) {
            let withFiles = request.query["blobs"]?.lowercased() == "true"
            if segments.count == 4 { return listing(revision: "main", withFiles: withFiles) }
            if segments.count == 6, segments[4] == "revision" {
                return listing(revision: segments[5], withFiles: withFiles)
            }
        }
        if segments.starts(with: ["owner", "name", "resolve"]), segments.count > 4 {
            return resolve(segments[3], segments[4...].joined(separator: "/"), fields[.range])
        }
        return Self.refusal(.notFound, "RepoNotFound", "Repository not found")
    }

    private func listing(revision: String, withFiles: Bool) -> ServerResponse {
        let commit = commit
        let (files, large, answer, revisions) = state.withLock {
            ($0.files, $0.large, $0.listing, $0.revisions)
        }
        if let answer { return ServerResponse(body: .bytes(Array(answer))) }
        guard revisions.contains(revision) || revision == commit else {
            return Self.refusal(.notFound, "RevisionNotFound", "Invalid rev id: \(revision)")
        }
        let siblings = files.sorted { $0.key < $1.key }.map { path, content -> [String: Any] in
            var sibling: [String: Any] = ["rfilename": path]
            guard withFiles else { return sibling }
            sibling["size"] = content.count
            sibling["blobId"] = Self.blob(content)
            if large.contains(path) {
                sibling["lfs"] = [
                    "sha256": Self.hexadecimal(SHA256.hash(data: content)), "size": content.count,
                    "pointerSize": 135,
                ]
            }
            return sibling
        }
        let object: [String: Any] = [
            "id": "owner/name", "modelId": "owner/name", "private": false, "sha": commit,
            "tags": [String](), "siblings": siblings,
        ]
        let body = (try? JSONSerialization.data(withJSONObject: object)) ?? Data()
        return ServerResponse(
            headers: [.contentType: "application/json"], body: .bytes(Array(body)))
    }

    private func resolve(_ revision: String, _ path: String, _ range: String?) -> ServerResponse {
        let commit = commit
        let (file, isLarge, elsewhere) = state.withLock {
            ($0.files[path], $0.large.contains(path), $0.elsewhere)
        }
        guard revision == commit, let file else {
            return Self.refusal(.notFound, "EntryNotFound", "Entry not found")
        }
        guard isLarge else { return content(path, range) }
        var headers = HTTPFields()
        headers[.location] = "\(elsewhere ?? "")/objects/\(path)"
        headers[HTTPField.Name("X-Repo-Commit")!] = commit
        headers[HTTPField.Name("X-Linked-Size")!] = "\(file.count)"
        headers[HTTPField.Name("X-Linked-Etag")!] =
            "\"\(Self.hexadecimal(SHA256.hash(data: file)))\""
        return ServerResponse(status: .found, headers: headers)
    }

    /// A file's content, or a range of it, with the next fault.
    private func content(_ path: String, _ range: String?) -> ServerResponse {
        let (stored, fault) = state.withLock { state in
            let fault =
                state.faults[path]?.isEmpty == false ? state.faults[path]?.removeFirst() : nil
            return (state.files[path], fault)
        }
        guard var file = stored else {
            return Self.refusal(.notFound, "EntryNotFound", "Entry not found")
        }
        let size = file.count
        var headers: HTTPFields = [.acceptRanges: "bytes", .eTag: "\"\(Self.blob(file))\""]
        headers[HTTPField.Name("X-Repo-Commit")!] = commit
        let bounds = range?.dropFirst("bytes=".count).split(separator: "-").compactMap { Int($0) }
        var start = bounds?.first ?? 0
        var end = min(file.count, bounds?.count == 2 ? bounds![1] + 1 : file.count)
        var isCut = false
        switch fault {
        case .cut(let count):
            isCut = start + count < end
            end = min(end, start + count)
        case .status(let code, let message):
            return Self.refusal(HTTPResponse.Status(code: code), "Fault", message)
        case .redirect(let target):
            return ServerResponse(status: .found, headers: [.location: target])
        case .ignoresRange: (start, end) = (0, file.count)
        case .damaged: file[file.startIndex + size / 2] ^= 1
        case .shorter(let count):
            file.removeLast(count)
            end = min(end, file.count)
        case .longer:
            file += [0, 0, 0]
            end = file.count
        case nil: break
        }
        guard start < file.count || file.isEmpty else {
            return ServerResponse(status: .rangeNotSatisfiable)
        }
        var status = HTTPResponse.Status.ok
        if range != nil, end - start < size {
            status = .partialContent
            headers[.contentRange] = "bytes \(start)-\(end - 1)/\(size)"
        }
        let sent = [UInt8](file[(file.startIndex + start)..<(file.startIndex + end)])
        guard isCut else {
            return ServerResponse(status: status, headers: headers, body: .bytes(sent))
        }
        struct Cut: Error {}
        return ServerResponse(
            status: status, headers: headers,
            body: .stream { writer in
                try await writer.write(sent)
                throw Cut()
            })
    }

    private static func refusal(
        _ status: HTTPResponse.Status, _ code: String, _ message: String?
    ) -> ServerResponse {
        var headers = HTTPFields()
        headers[HTTPField.Name("X-Error-Code")!] = code
        if let message { headers[HTTPField.Name("X-Error-Message")!] = message }
        return ServerResponse(status: status, headers: headers)
    }

    private static func blob(_ content: Data) -> String {
        hexadecimal(Insecure.SHA1.hash(data: Data("blob \(content.count)\0".utf8) + content))
    }

    private static func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
