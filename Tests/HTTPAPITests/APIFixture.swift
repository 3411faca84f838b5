import Foundation
import HTTPAPI
import HTTPServer
import HTTPTypes
import Logging
import Serving
import TestSupport
import Testing

/// The routes in memory: no sockets, the real service behind them.
struct APIFixture {
    let api: API
    let readiness = Readiness()
    let executor: InferenceExecutor?
    let loaded: LoadedModel?

    /// An API over a golden's model; without one it is still loading.
    init(
        golden: String? = "t1/SequenceClassification/torch-safetensors",
        options: LoadingOptions = LoadingOptions(), keys: APIKeys = .none,
        logger: Logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
        settings change: (inout APISettings) -> Void = { _ in }
    ) throws {
        var settings = APISettings(version: "test", started: 0)
        change(&settings)
        api = API(readiness: readiness, settings: settings, keys: keys, logger: logger)
        guard let golden else {
            executor = nil
            loaded = nil
            return
        }
        let loaded = try LoadedModel.load(
            directory: SmallModel.directory(golden: golden, vocabularySize: 256), options: options)
        let executor = InferenceExecutor(
            model: loaded.model, maximumBatchTokens: 512, maximumQueueTokens: 100_000)
        self.loaded = loaded
        self.executor = executor
        readiness.becomeReady(
            EncodingService(loaded: loaded, executor: executor, store: nil, logger: logger))
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
}
