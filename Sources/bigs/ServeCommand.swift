import ArgumentParser
import BiGSModel
import CoreMetrics
import DocumentStore
import Foundation
import HTTPAPI
import HTTPServer
import Logging
import ServiceLifecycle
import Serving
import UnixSignals

/// `bigs serve`: the HTTP service. Every setting is also an environment variable of the same name
/// in upper case with prefix `BIGS_`.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serves embeddings and classifications over HTTP.",
        discussion: """
            Every setting is also an environment variable: --max-body-bytes is \
            BIGS_MAX_BODY_BYTES. A flag wins. Of settings that can be given several times the \
            variable takes several values, one a line or separated by commas. Keys are better \
            kept in a file than in flags, which other users of the machine can see; the file is \
            read again on SIGHUP.
            """)

    /// The flags that the environment may set.
    static let settings = [
        "--model", "--pooling", "--padding", "--gelu", "--dtype", "--threads", "--host", "--port",
        "--unix-socket", "--store", "--keep-states", "--heads", "--max-batch-tokens",
        "--max-queue-tokens", "--max-client-batch-size", "--max-body-bytes", "--max-connections",
        "--request-timeout", "--drain-timeout",
        "--auto-truncate", "--store-tokenizer", "--store-max-bytes", "--cache-ttl", "--api-key",
        "--api-key-file",
        "--cors-origin", "--log-format", "--log-level",
    ]

    @OptionGroup var model: ModelArguments

    @Option(help: "The address to listen on, IPv4 or IPv6.")
    var host = "127.0.0.1"

    @Option(help: "The port to listen on; 0 picks a free one.")
    var port: UInt16 = 8080

    @Option(help: "Listens on this Unix socket instead.")
    var unixSocket: String?

    @Option(
        help: ArgumentHelp(
            """
            The SQLite file that keeps documents and cached encodings; none keeps nothing. One that \
            is named and cannot be opened ends the server. Default: bigs.sqlite in the current \
            directory, without which it goes on.
            """))
    var store: String?

    @Option(
        help:
            "Keeps the token states of documents: float16, int8 or none. A document may say otherwise."
    )
    var keepStates = StatesChoice.none

    @OptionGroup var textIndex: TextIndexArguments

    @OptionGroup var heads: HeadsArguments

    @Option(
        help: "The most tokens of texts that are packed into one pass; more than 4,096 are 4,096.")
    var maxBatchTokens = InferenceExecutor.packedTokens

    @Option(
        help: """
            The most tokens that may wait; more is answered 429. A request that alone has more counts as half \
            of it.
            """)
    var maxQueueTokens = 1_048_576

    @Option(help: "The most inputs in one request (2,048 on /v1/embeddings and /embeddings).")
    var maxClientBatchSize = 32

    @Option(
        help: "The most bytes in a request's body; a line of an import may have four times that.")
    var maxBodyBytes = 64 << 20

    @Option(help: "The most connections at once.")
    var maxConnections = 1_024

    @Option(
        help: """
            Seconds, with decimals, that a request may take which does not say so itself in \
            x-request-timeout; past them its work is dropped and it is answered 504 (default: no \
            bound).
            """)
    var requestTimeout: Double?

    @Option(help: "Seconds that running requests get to finish after SIGTERM.")
    var drainTimeout = 30

    @Option(
        help: ArgumentHelp(
            "Whether texts over the model's window are cut when a request does not say.",
            valueName: "true|false"))
    var autoTruncate = true

    @Option(
        help: "The most bytes of the store's file, its log not counted; older cached encodings go.")
    var storeMaxBytes: Int?

    @Option(help: "Seconds after which a cached encoding is made anew.")
    var cacheTtl: Double?

    @Option(help: "A key that clients send as Authorization: Bearer KEY; repeatable.")
    var apiKey: [String] = []

    @Option(help: "A file of keys, one a line; lines that start with # are comments.")
    var apiKeyFile: String?

    @Option(help: "A web origin whose pages may use the server, or * for all; repeatable.")
    var corsOrigin: [String] = []

    @Option(help: "text or json.")
    var logFormat = LogFormat.text

    @Option(help: "trace, debug, info, notice, warning, error or critical.")
    var logLevel = LogLevel.info

    func validate() throws {
        for (flag, value, largest) in [
            ("--max-batch-tokens", maxBatchTokens, 1 << 24),
            ("--max-queue-tokens", maxQueueTokens, 1 << 40),
            ("--max-client-batch-size", maxClientBatchSize, 1 << 20),
            // A line of an import has four times as many, and JSON is read up to 2 GiB.
            ("--max-body-bytes", maxBodyBytes, 1 << 28),
            ("--max-connections", maxConnections, 1 << 20),
            ("--drain-timeout", drainTimeout, RequestTimeout.maximumSeconds),
        ] where !(1...largest).contains(value) {
            throw ValidationError("\(flag): expected 1 to \(largest), got \(value)")
        }
        // An empty store with its indexes has some 140,000 bytes.
        let sizes = 163_840...(1 << 50)
        if let storeMaxBytes, !sizes.contains(storeMaxBytes) {
            throw ValidationError(
                "--store-max-bytes: expected \(sizes.lowerBound) to \(sizes.upperBound), "
                    + "got \(storeMaxBytes)")
        }
        do {
            try address.check()
        } catch {
            throw ValidationError("\(unixSocket == nil ? "--host" : "--unix-socket"): \(error)")
        }
        if let cacheTtl, !(0.001...1e10).contains(cacheTtl) {
            throw ValidationError("--cache-ttl: expected 0.001 to 1e10 seconds, got \(cacheTtl)")
        }
        do { _ = try CrossOrigin(corsOrigin) } catch {
            throw ValidationError("--cors-origin: \(error)")
        }
        do { _ = try APIKeys(apiKey) } catch { throw ValidationError("\(error)") }
        let longest = RequestTimeout.maximumSeconds
        if let requestTimeout, !(requestTimeout > 0 && requestTimeout <= Double(longest)) {
            throw ValidationError(
                "--request-timeout: expected more than 0 and at most \(longest), got \(requestTimeout)"
            )
        }
    }

    func run() async throws {
        // Without a file of keys there is nothing to read again, which is no reason to end. The hangup
        // of a terminal is one.
        if isatty(STDIN_FILENO) == 0 { signal(SIGHUP, SIG_IGN) }
        let logger = logFormat.logger(label: "bigs", level: logLevel.level)
        let registry = MetricsRegistry()
        MetricsSystem.bootstrap(registry)
        let keys: APIKeys
        do {
            keys = try APIKeys(apiKey + (apiKeyFile.map(APIKeys.read(file:)) ?? []))
        } catch {
            throw CommandError(description: "--api-key-file: \(error)")
        }
        if unixSocket == nil, !["127.0.0.1", "::1", "[::1]", "localhost"].contains(host),
            !keys.isRequired
        {
            logger.warning("anyone who reaches \(host) can use this server: it asks for no key")
        }

        let readiness = Readiness()
        var settings = APISettings(
            version: Version.current, started: Int(Date.now.timeIntervalSince1970))
        settings.autoTruncate = autoTruncate
        settings.keptStates = keepStates.format
        settings.heads = HeadRegistry(folders: try heads.folders(models: model.directories()))
        settings.maximumClientBatchSize = maxClientBatchSize
        settings.maximumBodyBytes = maxBodyBytes
        settings.maximumBatchTokens = min(maxBatchTokens, InferenceExecutor.packedTokens)
        settings.requestTimeout = requestTimeout.map { .seconds($0) }
        settings.maximumConnections = maxConnections
        settings.crossOrigin = try CrossOrigin(corsOrigin)
        let api = API(
            readiness: readiness, settings: settings, keys: keys, metrics: registry,
            logger: logger)
        let server = HTTPServer(
            configuration: serverConfiguration(refusal: { api.answer(to: $0) }), logger: logger,
            handler: { await api.answer($0) })

        var services: [any Service] = [
            ModelService(command: self, server: server, readiness: readiness, logger: logger),
            ListeningService(server: server, readiness: readiness),
        ]
        if let apiKeyFile {
            services.append(
                APIKeyReload(keys: keys, fixed: apiKey, path: apiKeyFile, logger: logger))
        }
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: services.map { .init(service: $0) },
                gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet(logger)))
        try await group.run()
    }

    private var address: ListenAddress {
        unixSocket.map { .unix(path: $0) } ?? .tcp(host: host, port: port)
    }

    private func serverConfiguration(
        refusal: @escaping @Sendable (Refusal) -> ServerResponse
    ) -> ServerConfiguration {
        var configuration = ServerConfiguration(address: address)
        configuration.maximumBodyBytes = maxBodyBytes
        configuration.maximumConnections = maxConnections
        configuration.decoderLimits.streamedPaths = API.streamedPaths
        configuration.drainTimeout = .seconds(drainTimeout)
        configuration.refusal = refusal
        return configuration
    }

    /// The life cycle's own steps are of interest only to those who look for trouble.
    private func quiet(_ logger: Logger) -> Logger {
        var quiet = logger
        if quiet.logLevel >= .info { quiet.logLevel = .error }
        return quiet
    }
}

/// Listens and answers until it is told to drain.
private struct ListeningService: Service, CustomStringConvertible {
    let server: HTTPServer
    let readiness: Readiness
    let description = "listener"

    func run() async throws {
        try await withGracefulShutdownHandler {
            try await server.run()
        } onGracefulShutdown: {
            readiness.startDraining()
            Task { await server.shutdown() }
        }
    }
}

/// The store that `--store` names cannot be opened.
private struct RefusedStore: Error, CustomStringConvertible {
    let reason: StoreError
    var description: String { "--store: \(reason)" }
}

/// Loads the model while the server already answers that it is not ready, and keeps it until the
/// end.
private struct ModelService: Service, CustomStringConvertible {
    let command: ServeCommand
    let server: HTTPServer
    let readiness: Readiness
    let logger: Logger
    /// The life cycle logs its services; what stands in the command line's keys is not for a log.
    let description = "model"

    func run() async throws {
        let start = ContinuousClock.now
        // Packing weights, or bringing a store to another version or text index, takes a while.
        let models = try await LongWork.run(bytes: .max) { try command.model.loadAll() }
        let (store, trouble) = try await LongWork.run(bytes: .max, openStore)
        defer { store?.close() }
        // One thread runs all models: they never compete for the cores.
        let executor = InferenceExecutor(
            model: models[0].model, maximumBatchTokens: command.maxBatchTokens,
            maximumQueueTokens: command.maxQueueTokens, threads: command.model.threads)
        let services = models.map {
            EncodingService(
                loaded: $0, executor: executor, store: store, storeTrouble: trouble, logger: logger)
        }
        readiness.becomeReady(ModelRegistry(services[0], others: Array(services.dropFirst())))
        // Why it does not listen, the listener says; that it is ready would be wrong then.
        guard (try? await server.waitUntilListening()) != nil else { return executor.stop() }
        let seconds = (ContinuousClock.now - start) / .milliseconds(1)
        for loaded in models {
            logger.info(
                "ready",
                metadata: [
                    "model": "\(loaded.name)",
                    "parameters": .stringConvertible(loaded.model.parameterCount),
                    "window": .stringConvertible(loaded.window),
                    "milliseconds": .stringConvertible(Int(seconds)),
                ])
        }
        if let store { await warn(of: store, models) }
        // Services end in reverse order: when this one is told to, the last answer is out.
        try? await gracefulShutdown()
        executor.stop()
    }

    /// Says which documents are there and not found.
    private func warn(of store: EncodingStore, _ models: [LoadedModel]) async {
        do {
            if let warning = try await StoreAccess.warning(of: store, models: models) {
                logger.warning("\(warning)")
            }
        } catch {
            logger.warning("documents were not counted: \(error)")
        }
    }

    /// Opens the store. One that was asked for has to be there: documents would be lost to a mistyped
    /// path. Without the one that nobody named the server still answers rightly; it only has to say so.
    private func openStore() throws -> (EncodingStore?, String?) {
        if command.store == StoreAccess.none { return (nil, nil) }
        do throws(StoreError) {
            let options = StoreOptions(
                maximumBytes: command.storeMaxBytes, cacheTTL: command.cacheTtl,
                tokenizer: command.textIndex.storeTokenizer)
            let store = try EncodingStore.open(
                path: command.store ?? "bigs.sqlite", logger: logger, options: options)
            return (store, nil)
        } catch {
            if command.store != nil { throw RefusedStore(reason: error) }
            logger.warning("encodings are not being kept: \(error)")
            return (nil, "\(error)")
        }
    }
}
