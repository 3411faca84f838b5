import ArgumentParser
import BiGSModel
import Serving

/// `bigs embed`: embeddings of texts as JSON lines.
struct EmbedCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "embed",
        abstract: "Prints an embedding for each text, as JSON lines.")

    @OptionGroup var encoding: EncodingArguments

    @Option(help: "Whether vectors are scaled to length one.")
    var normalize = true

    @Option(help: "Keeps this many leading dimensions.")
    var dimensions: Int?

    @Option(help: "The prompt to put before each text, one of config_sentence_transformers.json.")
    var promptName: String?

    @Flag(
        help: "Reads texts over the model's window in overlapping windows instead of cutting them.")
    var windows = false

    private struct Line: Encodable {
        let id: String
        let embedding: [Float]
        let tokens: Int
        let tokensUsed: Int
    }

    func validate() throws {
        if let dimensions, dimensions < 1 {
            throw ValidationError("--dimensions: expected 1 or more, got \(dimensions)")
        }
    }

    func run() async throws {
        let finish = VectorFinish(normalize: normalize, dimensions: dimensions)
        try await encoding.run { service, inputs, rules in
            let size = service.loaded.configuration.hiddenSize
            if let dimensions, dimensions > size {
                throw ValidationError("--dimensions: the model has \(size), got \(dimensions)")
            }
            var rules = rules
            rules.promptName = promptName
            if windows { rules.windows = TextWindows() }
            return try await service.embed(inputs, rules: rules)
        } emit: { _, text, vector, usage in
            try JSONLines.write(
                Line(
                    id: text.id, embedding: finish.apply(vector), tokens: usage.tokens,
                    tokensUsed: usage.tokensUsed))
        }
    }
}
