import ArgumentParser
import Checkpoints
import DocumentStore
import Foundation
import HTTPAPI
import Serving

extension SearchRanking.Mode: ExpressibleByArgument {}
extension SearchRequest.Fusion.Kind: ExpressibleByArgument {}

/// `bigs search`: asks a store without a server.
struct SearchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "search",
        abstract: "Finds stored documents by meaning, by words, or by both.")

    @Argument(help: "What to look for.")
    var query: String

    @OptionGroup var model: ModelArguments

    @Option(help: "The SQLite file with the documents.")
    var store: String

    @Option(help: "vector (meaning), text (words) or hybrid (both).")
    var mode = SearchRanking.Mode.vector

    @Option(
        help: """
            How hybrid joins both: rrf (reciprocal ranks, the default) or relative_score (the mean of \
            both scores, each on a scale from 0 to 1).
            """)
    var fusion: SearchRequest.Fusion.Kind?

    @Option(
        help: """
            What rrf adds to each rank, 60 unless given: the smaller, the more the first places count.
            """)
    var rankConstant: Int?

    @Option(
        help: """
            How much meaning counts in hybrid, from 0 to 1, 0.5 unless given; words have the rest of 1.
            """)
    var alpha: Double?

    @Option(help: "How many hits at most.")
    var topK = 10

    @Option(help: "Only documents whose metadata pass: a filter as JSON.")
    var filter: String?

    @Option(
        help: ArgumentHelp(
            "Ranks the passages of this granularity (\(PassageCut.names.joined(separator: ", "))), or all.",
            valueName: "granularity|all"))
    var passages: String?

    @Option(
        help: """
            How much a document's best passage counts beside its own vector, from 0 (the default) to 1.
            """)
    var passageWeight: Double?

    @Option(help: "The prompt to put before the query, one of config_sentence_transformers.json.")
    var promptName: String?

    @Flag(help: "Prints JSON lines instead of a table.")
    var json = false

    func validate() throws {
        if query.isEmpty { throw ValidationError("the query cannot be empty") }
        let most = DocumentSearch.maximumHits
        guard (1...most).contains(topK) else {
            throw ValidationError("--top-k: expected 1 to \(most), got \(topK)")
        }
        do {
            _ = try ranking.checked()
        } catch {
            let flag = error.field.replacing("_", with: "-")
            throw ValidationError("--\(flag): \(error.reason)")
        }
        if promptName != nil, mode == .text {
            throw ValidationError(
                "--prompt-name: mode text looks for words, and encodes no query")
        }
        if let passages, passages != "all", !PassageCut.names.contains(passages) {
            throw ValidationError("--passages: \(PassageCut.refusal(of: passages)) (or all)")
        }
    }

    private var ranking: SearchRanking {
        var ranking = SearchRanking()
        ranking.mode = mode
        ranking.fusion = fusion
        ranking.rankConstant = rankConstant
        ranking.alpha = alpha
        ranking.passages = passages.map { .passages(granularity: $0 == "all" ? nil : $0) }
        ranking.passageWeight = passageWeight
        return ranking
    }

    private struct Line: Encodable {
        struct Passage: Encodable {
            let granularity: String
            let start: Int
            let end: Int
            let text: String
        }

        let rank: Int
        let id: String
        let score: Double
        let metadata: MetadataValue
        let passage: Passage?
        let vectorRank: Int?
        let passageRank: Int?
        let textRank: Int?
    }

    func run() async throws {
        let filter = try StoreAccess.filter(filter)
        let opened = try StoreAccess.open(store)
        defer { opened.close() }
        let loaded = try model.load()
        var search = DocumentSearch(question: question, topK: topK)
        search.rules.promptName = promptName
        // A command that reads leaves the store as it is.
        search.rules.cache.mayRead = false
        search.rules.cache.mayKeep = false
        (search.fusion, search.scope) = try ranking.checked()
        search.filter = filter
        search.parts = [.metadata, .text]
        let answer = try await ModelSession.run(loaded, threads: model.threads, store: opened) {
            [search] service in
            try await DocumentService(encoding: service, heads: HeadRegistry()).search(search)
        }
        for (index, hit) in answer.hits.enumerated() {
            let line = Self.line(index + 1, hit)
            if json {
                try JSONLines.write(line)
            } else {
                try StandardOutput.print(Self.row(line, hit))
            }
        }
        if answer.hits.isEmpty, !json { StandardError.write("nothing found") }
        if let usage = answer.encoded?.usage.first, usage.isTruncated {
            StandardError.write(
                "the query has \(usage.tokens) tokens, of which \(usage.tokensUsed) were read")
        }
        if answer.leavesOutWords { StandardError.write(DocumentSearch.Answer.leftOutWords) }
        if answer.foundNoPassage { StandardError.write(DocumentSearch.Answer.noPassage) }
        // Beside documents that this model finds there may be some that it does not.
        if mode != .text,
            let warning = try await StoreAccess.warning(of: opened, models: [loaded])
        {
            StandardError.write(warning)
        }
    }

    private var question: DocumentSearch.Question {
        switch mode {
        case .vector: .meaning(query)
        case .text: .words(query)
        case .hybrid: .both(query)
        }
    }

    private static func line(_ rank: Int, _ hit: SearchHit) -> Line {
        let passage = hit.passage.map { passage in
            Line.Passage(
                granularity: passage.granularity, start: passage.start, end: passage.end,
                text: hit.passageText ?? "")
        }
        return Line(
            rank: rank, id: hit.document.id, score: hit.score,
            metadata: .object(hit.document.metadata?.members ?? [:]), passage: passage,
            vectorRank: hit.byVector?.rank, passageRank: hit.byPassage?.rank,
            textRank: hit.byText?.rank)
    }

    /// `rank  score  id  beginning of the text`, the text on one line.
    private static func row(_ line: Line, _ hit: SearchHit) -> String {
        let text = line.passage?.text ?? hit.document.text ?? ""
        // What a document says must not steer the terminal.
        let plain = String(
            String.UnicodeScalarView(
                text.prefix(400).unicodeScalars.map {
                    $0.properties.generalCategory == .control ? " " : $0
                }))
        let words = plain.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        let rank = String(format: "%3d", line.rank)
        let score = String(format: "%8.4f", line.score)
        return "\(rank)  \(score)  \(line.id.printable)  \(String(words.prefix(100)).printable)"
    }
}
