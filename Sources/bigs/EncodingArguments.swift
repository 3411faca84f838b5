import ArgumentParser
import DocumentStore
import Foundation
import Serving
import Tokenization

extension TruncationSide: ExpressibleByArgument {}

/// What `embed` and `classify` share: texts through the encoding service, results line by line.
struct EncodingArguments: ParsableArguments {
    @OptionGroup var model: ModelArguments
    @OptionGroup var texts: TextArguments

    @Option(
        help: "Keeps encodings in this SQLite file, and takes from it what it already has; or none."
    )
    var store: String?

    @Option(
        help: ArgumentHelp(
            "Whether a text over the model's window is cut; otherwise it is an error.",
            valueName: "true|false"))
    var truncate = true

    @Option(help: "Which end of a long text is cut away: right or left.")
    var truncationDirection = TruncationSide.right

    /// Texts are run in groups, so that short ones share a pass.
    private static let groupSize = 32

    /// Hands each text and its numbers to `emit`, in order: all of those before one that is refused, and
    /// what there is when the input pauses. Without `--model`, those of `embedded`.
    func run(
        embedded: EmbeddedModel = .embeddings,
        _ encode: (EncodingService, [EncodingInput], EncodingRules) async throws -> EncodingResult,
        emit: (LoadedModel, NamedText, [Float], TokenUsage) throws -> Void
    ) async throws {
        let loaded = try model.load(embedded: embedded)
        let opened = try store.flatMap { path in
            path == StoreAccess.none ? nil : try StoreAccess.open(path, create: true)
        }
        defer { opened?.close() }
        let rules = EncodingRules(truncate: truncate, truncationSide: truncationDirection)

        var group: [NamedText] = []
        func flush(_ service: EncodingService) async throws {
            if group.isEmpty { return }
            let texts = group
            group.removeAll()
            do {
                try await emitAll(texts, service)
            } catch let error as ServiceError {
                if let index = error.input { try await emitAll(Array(texts[..<index]), service) }
                throw CommandError(
                    description: error.text(
                        input: error.input.map { texts[$0].place } ?? "",
                        truncate: "--truncate true"))
            }
        }
        func emitAll(_ texts: [NamedText], _ service: EncodingService) async throws {
            if texts.isEmpty { return }
            let inputs = texts.map { text in
                text.pair.map { EncodingInput.pair(text.text, $0) } ?? .text(text.text)
            }
            let result = try await encode(service, inputs, rules)
            for (index, text) in texts.enumerated() {
                try emit(loaded, text, result.vectors[index], result.usage[index])
            }
        }
        try await ModelSession.run(loaded, threads: model.threads, store: opened) { service in
            do {
                try await texts.read { text in
                    if text.text.isEmpty, text.pair == nil {
                        throw CommandError(
                            description: "\(text.place): the text cannot be empty")
                    }
                    group.append(text)
                    if group.count == Self.groupSize { try await flush(service) }
                } pausing: {
                    try await flush(service)
                }
            } catch {
                try await flush(service)
                throw error
            }
            try await flush(service)
        }
    }
}
