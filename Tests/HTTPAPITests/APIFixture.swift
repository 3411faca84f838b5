import DocumentStore
import Foundation
import HTTPAPI
import HTTPServer
import HTTPTypes
import Logging
import Serving
import Synchronization
import TestSupport
import Testing

/// The routes in memory: no sockets, the real service behind them.
struct APIFixture {
    let api: API
    let readiness = Readiness()
    let executor: InferenceExecutor?
    let loaded: LoadedModel?
    let store: EncodingStore?

    /// An API over a golden's model, whose files `edit` may change and which `keeps` encodings in a
    /// file of its own, or `sharing` a store, or not; without a golden it is still loading. `others` are
    /// served beside it, by name.
    init(
        golden: String? = "t1/SequenceClassification/torch-safetensors",
        options: LoadingOptions = LoadingOptions(), keys: APIKeys = .none,
        logger: Logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
        keeps: Bool = false, sharing: EncodingStore? = nil,
        others: [(name: String, golden: String)] = [],
        edit: DirectoryEdit? = nil,
        settings change: (inout APISettings) -> Void = { _ in }
    ) throws {
        var settings = APISettings(version: "test", started: 0)
        change(&settings)
        api = API(readiness: readiness, settings: settings, keys: keys, logger: logger)
        guard let golden else {
            executor = nil
            loaded = nil
            store = nil
            return
        }
        let directory = try SmallModel.directory(golden: golden, vocabularySize: 256)
        try edit?.apply(directory)
        let loaded = try LoadedModel.load(directory: directory, options: options)
        let executor = InferenceExecutor(
            model: loaded.model, maximumBatchTokens: 512, maximumQueueTokens: 100_000)
        self.loaded = loaded
        self.executor = executor
        let opened =
            sharing != nil || !keeps
            ? sharing
            : try EncodingStore.open(
                path: SmallModel.temporaryDirectory().appending(path: "store.sqlite").path,
                logger: logger)
        store = opened
        let services = try others.map { other in
            let loaded = try LoadedModel.load(
                directory: SmallModel.directory(golden: other.golden, vocabularySize: 256),
                name: other.name, options: options)
            return EncodingService(
                loaded: loaded, executor: executor, store: opened, cachePatience: .seconds(600),
                logger: logger)
        }
        readiness.becomeReady(
            ModelRegistry(
                EncodingService(
                    loaded: loaded, executor: executor, store: opened,
                    cachePatience: .seconds(600), logger: logger),
                others: services))
    }

    /// What came back.
    struct Answer {
        let status: Int
        let headers: HTTPFields
        let bytes: [UInt8]

        var json: Any? {
            try? JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
        }
        var object: [String: Any] { json as? [String: Any] ?? [:] }
        var array: [Any] { json as? [Any] ?? [] }
        var errorType: String? { object["error_type"] as? String }

        /// The bytes as JSON lines.
        func lines() throws -> [[String: Any]] {
            try bytes.split(separator: 0x0A).map {
                try JSONSerialization.jsonObject(with: Data($0)) as? [String: Any] ?? [:]
            }
        }

        /// The ids of a list's documents, and of a search's.
        var ids: [String] { ids(in: "documents") }
        var hits: [String] { ids(in: "results") }

        private func ids(in list: String) -> [String] {
            (object[list] as? [[String: Any]] ?? []).compactMap { $0["id"] as? String }
        }

        func header(_ name: String) -> String? {
            HTTPField.Name(name).flatMap { headers[$0] }
        }
    }

    func post(
        _ path: String, _ body: String, contentType: String? = "application/json",
        headers: [String: String] = [:]
    ) async -> Answer {
        await send(.post, path, Array(body.utf8), contentType: contentType, headers: headers)
    }

    func put(_ path: String, _ body: String) async -> Answer {
        await send(.put, path, Array(body.utf8), contentType: "application/json")
    }

    func get(_ path: String) async -> Answer { await send(.get, path) }

    /// The same for a route that streams its answer: its pieces, put together.
    func stream(
        _ method: HTTPRequest.Method, _ path: String, _ body: [UInt8] = [],
        contentType: String? = nil
    ) async -> Answer {
        var head = HTTPRequest(method: method, scheme: "http", authority: "test", path: path)
        head.headerFields[.contentType] = contentType
        let response = await api.answer(ServerRequest(head: head, body: RequestBody(bytes: body)))
        switch response.body {
        case .bytes(let bytes):
            return Answer(status: response.status.code, headers: response.headers, bytes: bytes)
        case .stream(let write):
            let pieces = Pieces()
            do {
                try await write(BodyWriter { piece in pieces.append(piece) })
            } catch {
                Issue.record("\(path): the answer broke off: \(error)")
            }
            return Answer(
                status: response.status.code, headers: response.headers, bytes: pieces.bytes)
        }
    }

    private final class Pieces: Sendable {
        private let collected = Mutex<[UInt8]>([])
        var bytes: [UInt8] { collected.withLock { $0 } }
        func append(_ piece: [UInt8]) { collected.withLock { $0 += piece } }
    }

    func send(
        _ method: HTTPRequest.Method, _ path: String, _ body: [UInt8] = [],
        contentType: String? = nil, headers: [String: String] = [:]
    ) async -> Answer {
        var head = HTTPRequest(method: method, scheme: "http", authority: "test", path: path)
        head.headerFields[.contentType] = contentType
        for (name, value) in headers {
            if let name = HTTPField.Name(name) { head.headerFields[name] = value }
        }
        let response = await api.answer(
            ServerRequest(head: head, body: RequestBody(bytes: body)))
        guard case .bytes(let bytes) = response.body else {
            Issue.record("\(path) streamed its answer")
            return Answer(status: 0, headers: [:], bytes: [])
        }
        return Answer(status: response.status.code, headers: response.headers, bytes: bytes)
    }

    /// A few documents are kept, whose texts differ in their letters.
    static func withDocuments() async throws -> APIFixture {
        let fixture = try APIFixture(keeps: true)
        let answer = await fixture.post(
            "/documents",
            """
            [{"id":"apples","text":"apples are red and some are green","metadata":{"kind":"fruit","year":2019,"tags":["x","y"]}},
             {"id":"bears","text":"bears live in woods","metadata":{"kind":"animal","year":2021}},
             {"id":"cedars","text":"cedars grow in woods and on hills","metadata":{"kind":"tree","year":2022,"tags":["x"]}}]
            """)
        #expect(answer.status == 201)
        return fixture
    }
}
