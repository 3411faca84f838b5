import ArgumentParser
import DocumentStore
import Foundation
import HTTPAPI
import HTTPServer
import Logging
import Serving

/// `bigs store`: what can be done to a store without a server, or beside one.
struct StoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "store",
        abstract: "Counts, compacts, exports, fills and re-encodes a store.",
        subcommands: [
            StoreStatsCommand.self, StoreCompactCommand.self, StoreExportCommand.self,
            StoreImportCommand.self, StoreReencodeCommand.self,
        ])
}

/// The file that a command is about.
struct StoreArgument: ParsableArguments {
    @Option(help: "The SQLite file.")
    var store: String
}

/// `bigs store stats`: counts as one JSON line, those of `GET /store`.
struct StoreStatsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats", abstract: "Prints what a store holds, as JSON.")

    @OptionGroup var store: StoreArgument

    func run() async throws {
        let opened = try StoreAccess.open(store.store)
        defer { opened.close() }
        try StandardOutput.print(DocumentLines.text(of: try await opened.statistics()))
    }
}

/// `bigs store compact`.
struct StoreCompactCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compact", abstract: "Gives disk space back that nothing uses.")

    @OptionGroup var store: StoreArgument

    private struct Line: Encodable {
        let bytesBefore: Int
        let bytesAfter: Int
    }

    func run() async throws {
        let opened = try StoreAccess.open(store.store)
        defer { opened.close() }
        let report = try await opened.compact()
        try JSONLines.write(
            Line(bytesBefore: report.bytesBefore, bytesAfter: report.bytesAfter))
    }
}

/// `bigs store export`: the lines of `GET /documents/export`.
struct StoreExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Prints documents with their newest vectors as JSON lines: a snapshot.",
        discussion: """
            A document that is damaged in the file is left out and named on standard error, and the \
            exit code is 1 then.
            """)

    @OptionGroup var store: StoreArgument

    @Option(help: "Only documents whose metadata pass: a filter as JSON.")
    var filter: String?

    func run() async throws {
        let opened = try StoreAccess.open(store.store)
        defer { opened.close() }
        let export = try await opened.export(
            where: try StoreAccess.filter(filter), parts: DocumentLines.exportedParts)
        let damaged = try await DocumentLines.write(export, to: StandardOutput.writer)
        if damaged > 0 { throw ExitCode.failure }
    }
}

/// `bigs store import`: the lines of `POST /documents/import`.
struct StoreImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Encodes and keeps documents, one JSON object a line.",
        discussion: """
            Lines are {"id"?, "text", "metadata"?, "chunk"?, "keep_states"?, "prompt_name"?, "long"?, \
            "window_overlap"?, "truncate"?, "truncation_direction"?}. Each gets a result on \
            standard output once it is on the disk. What is there already is skipped, so a run that \
            was stopped can be started again. Exits 1 when a line could not be kept.
            """)

    @Argument(help: "The file; none or - reads standard input.")
    var file = "-"

    @OptionGroup var model: ModelArguments
    @OptionGroup var store: StoreArgument
    @OptionGroup var textIndex: TextIndexArguments

    @Option(help: "Keeps token states where a line does not say: float16, int8 or none.")
    var keepStates = StatesChoice.none

    @Flag(help: "Prints results of lines with errors only, and the summary.")
    var errorsOnly = false

    func run() async throws {
        let input = try StandardInput.open(file)
        try await ModelSession.run(
            model, store: store.store, create: true, tokenizer: textIndex.storeTokenizer
        ) { encoding in
            let documents = try DocumentService(
                encoding: encoding, defaultStates: keepStates.format, heads: HeadRegistry())
            let body = RequestBody(pull: { [file] in try StandardInput.block(of: input, at: file) })
            let isComplete = try await DocumentLines.read(
                body, into: documents, maximumLineBytes: 256 << 20, reportsAll: !errorsOnly,
                to: StandardOutput.writer)
            if !isComplete { throw ExitCode.failure }
        }
    }
}

/// `bigs store reencode`: encodes all documents with another model, which a server with the old one
/// does not notice.
struct StoreReencodeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reencode",
        abstract: "Encodes the documents of a store with another model.",
        discussion: """
            The new vectors are written beside the old ones, which a running server goes on using. \
            A run that was stopped goes on where it was. Documents that the model cannot encode are \
            named at the end, and the exit code is 1 then. The old vectors stay, so that \
            the server can be restarted with the new model at any time; --finish removes them.
            """)

    @OptionGroup var model: ModelArguments
    @OptionGroup var store: StoreArgument

    @Flag(help: "Removes the vectors of all other models at the end.")
    var finish = false

    private struct Line: Encodable {
        let model: String
        let documents: Int
        let finished: Bool
    }

    func run() async throws {
        try await ModelSession.run(model, store: store.store) { encoding in
            let documents = try DocumentService(encoding: encoding, heads: HeadRegistry())
            let start = ContinuousClock.now
            let refused = try await documents.reencode { progress in
                let seconds = (ContinuousClock.now - start) / .seconds(1)
                StandardError.write(
                    "\(progress.done) of \(progress.total) documents, \(Int(seconds)) s")
            }
            for document in refused {
                StandardError.write("not encoded: \(document.id): \(document.reason)")
            }
            let finished = finish ? try await documents.finishReencoding() : false
            if finish, !finished, refused.isEmpty {
                StandardError.write("documents were put meanwhile; run it again")
            }
            let count = try await documents.statistics()
                .documentsByModel[encoding.loaded.fingerprint]
            try JSONLines.write(
                Line(
                    model: encoding.loaded.fingerprintText, documents: count ?? 0,
                    finished: finished))
            if !refused.isEmpty || (finish && !finished) { throw ExitCode.failure }
        }
    }
}
