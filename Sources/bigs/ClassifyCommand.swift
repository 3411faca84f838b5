import ArgumentParser
import Serving

/// `bigs classify`: classes of texts as JSON lines.
struct ClassifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "classify",
        abstract: "Prints the classes of each text, as JSON lines.")

    @OptionGroup var encoding: EncodingArguments

    @Option(help: "Prints this many of the best labels. Default: all.")
    var topK: Int?

    @Option(help: "Prints the head's raw scores instead of probabilities.")
    var rawScores = false

    private struct Line: Encodable {
        struct Label: Encodable {
            let label: String
            let score: Float
        }

        let id: String
        let labels: [Label]
        let tokens: Int
        let tokensUsed: Int
    }

    private struct MissingHead: Error, CustomStringConvertible {
        let reason: ServiceError

        var description: String {
            "\(reason); name one that has it with --model, such as "
                + "\(EmbeddedModel.sections.rawValue)"
        }
    }

    func validate() throws {
        if let topK, topK < 1 { throw ValidationError("--top-k: expected 1 or more, got \(topK)") }
    }

    func run() async throws {
        try await encoding.run(embedded: .sections) { service, inputs, rules in
            do throws(ServiceError) {
                return try await service.classify(inputs, rules: rules)
            } catch .headMissing(let needed, let available) {
                throw MissingHead(reason: .headMissing(needed: needed, available: available))
            }
        } emit: { loaded, text, scores, usage in
            let ranked = Classification(loaded).ranked(
                scores, by: rawScores ? .identity : nil, top: topK)
            try JSONLines.write(
                Line(
                    id: text.id,
                    labels: ranked.map { Line.Label(label: $0.label, score: $0.score) },
                    tokens: usage.tokens, tokensUsed: usage.tokensUsed))
        }
    }
}
