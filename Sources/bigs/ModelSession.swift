import ArgumentParser
import DocumentStore
import Foundation
import Logging
import Serving

/// A model and a store for the time of a command.
enum ModelSession {
    /// Runs `body` with the service; the store is closed and the executor stopped after it.
    static func run(
        _ model: ModelArguments, store path: String, create: Bool = false,
        tokenizer: TextIndexTokenizer? = nil,
        _ body: (EncodingService) async throws -> Void
    ) async throws {
        let opened = try StoreAccess.open(path, create: create, tokenizer: tokenizer)
        defer { opened.close() }
        try await run(try model.load(), threads: model.threads, store: opened, body)
    }

    /// Runs `body` with the service of a loaded model; the executor is stopped after it. Whoever opened
    /// the store closes it.
    static func run<Value>(
        _ loaded: LoadedModel, threads: Int?, store: EncodingStore? = nil,
        _ body: (EncodingService) async throws -> Value
    ) async throws -> Value {
        let executor = InferenceExecutor(
            model: loaded.model, maximumBatchTokens: InferenceExecutor.packedTokens,
            maximumQueueTokens: .max,
            threads: threads)
        defer { executor.stop() }
        return try await body(
            EncodingService(loaded: loaded, executor: executor, store: store, logger: logger))
    }

    /// Commands say only what is wrong.
    static var logger: Logger {
        var logger = Logger(label: "bigs") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = .warning
        return logger
    }
}
