import ArgumentParser
import Tokenization

extension TruncationStrategy: ExpressibleByArgument {}

/// How `tokenize --padding` is spelled.
enum TokenPadding: String, ExpressibleByArgument, CaseIterable {
    case none
    case maxLength = "max-length"
}

/// `bigs tokenize`: token ids, tokens and offsets as JSON lines.
struct TokenizeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tokenize",
        abstract: "Prints the tokens of each text or pair, as JSON lines.")

    @Option(help: "The directory with the tokenizer's files. Default: the embedded model's.")
    var model: String?

    @OptionGroup var texts: TextArguments

    @Option(help: "Cuts to this many tokens, special tokens included.")
    var maxLength: Int?

    @Option(help: "longest_first, only_first, only_second or do_not_truncate.")
    var truncation = TruncationStrategy.longestFirst

    @Option(help: "Which end is cut away: right or left.")
    var truncationDirection = TruncationSide.right

    @Option(help: "none, or max-length: pads with [PAD] to --max-length.")
    var padding = TokenPadding.none

    @Option(help: "Whether [CLS] and [SEP] are added.")
    var specialTokens = true

    /// More tokens than any model has positions for; padding makes them all.
    private static let longest = 1 << 20

    private struct Line: Encodable {
        /// Of JSON lines: the line's own, else its number.
        let id: String?
        let ids: [Int32]
        let tokens: [String]
        let offsets: [[Int]]
        let typeIds: [Int32]
    }

    private struct Refusal: Encodable {
        let id: String?
        let error: String
    }

    func validate() throws {
        if let maxLength, !(1...Self.longest).contains(maxLength) {
            throw ValidationError(
                "--max-length: expected 1 to \(Self.longest), got \(maxLength)")
        }
        if padding == .maxLength, maxLength == nil {
            throw ValidationError("--padding max-length needs --max-length")
        }
    }

    func run() async throws {
        let tokenizer = try Tokenizer(directory: ModelLocator.directory(named: model))
        let options = EncodingOptions(
            addSpecialTokens: specialTokens, maximumLength: maxLength,
            truncation: truncation, truncationSide: truncationDirection,
            padTo: padding == .maxLength ? maxLength : nil)
        var isComplete = true
        try await texts.read { text in
            let id = texts.jsonl ? text.id : nil
            let encoding: Encoding
            do {
                encoding = try tokenizer.encode(text.text, pair: text.pair, options: options)
            } catch {
                // A text that cannot be cut as asked is that line's answer; the next may be fine.
                try JSONLines.write(Refusal(id: id, error: "\(error)"))
                isComplete = false
                return
            }
            try JSONLines.write(
                Line(
                    id: id, ids: encoding.ids,
                    tokens: encoding.ids.map { tokenizer.token($0) ?? "" },
                    offsets: encoding.offsets.map { [$0.lowerBound, $0.upperBound] },
                    typeIds: encoding.typeIDs))
        }
        if !isComplete { throw ExitCode.failure }
    }
}
