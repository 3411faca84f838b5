import ArgumentParser
import DocumentStore
import Foundation
import HTTPServer
import Logging
import Serving

/// A model and a store for the time of a command.
enum ModelSession {
    /// Runs `body` with the service; the store is closed and the executor stopped after it.
    static func run(
        _ model: ModelArguments, store path: String, create: Bool = false,
        _ body: (EncodingService) async throws -> Void
    ) async throws {
        let opened = try StoreAccess.open(path, create: create)
        defer { opened.close() }
        let loaded = try model.load()
        var logger = Logger(label: "bigs") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = .warning
        let executor = InferenceExecutor(
            model: loaded.model, maximumBatchTokens: 16_384, maximumQueueTokens: .max,
            threads: model.threads)
        defer { executor.stop() }
        try await body(
            EncodingService(loaded: loaded, executor: executor, store: opened, logger: logger))
    }
}

/// Standard output as the end of a stream.
enum StandardOutput {
    /// Writes every piece at once.
    static var writer: BodyWriter {
        BodyWriter { bytes in try FileHandle.standardOutput.write(contentsOf: Data(bytes)) }
    }
}

/// The file that a command reads from.
enum StandardInput {
    /// `-` is standard input.
    static func open(_ path: String) throws -> FileHandle {
        if path == "-" { return .standardInput }
        guard let handle = FileHandle(forReadingAtPath: path) else {
            throw TextArguments.InputError(description: "\(path) cannot be opened")
        }
        return handle
    }
}
