import ArgumentParser
import Checkpoints
import DocumentStore
import Foundation
import Learning
import Logging
import Serving

extension HeadKind: ExpressibleByArgument {}

/// `bigs head`: classifiers on stored embeddings.
struct HeadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "head",
        abstract: "Fits and lists classification heads on stored embeddings.",
        subcommands: [HeadTrainCommand.self, HeadListCommand.self])
}

/// Where heads lie.
struct HeadsArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            The folder of heads. Default: BIGS_HEADS, else heads/ in the model's directory.
            """,
            valueName: "directory"))
    var heads: String?

    /// The folder that `--heads` or the environment names; nil where neither does.
    var named: URL? {
        let set = ProcessInfo.processInfo.environment["BIGS_HEADS"] ?? ""
        return (heads ?? (set.isEmpty ? nil : set)).map {
            URL(filePath: $0, directoryHint: .isDirectory)
        }
    }

    /// The folder that is named, or that of a model.
    func folder(model directory: URL) -> HeadFolder {
        HeadFolder(url: named ?? directory.appending(path: "heads", directoryHint: .isDirectory))
    }

    /// The folder that is named, or those of all models.
    func folders(models directories: [URL]) -> [HeadFolder] {
        named == nil ? directories.map(folder(model:)) : [folder(model: directories[0])]
    }

    func validate() throws {
        if heads == "" { throw ValidationError("--heads: expected a folder, got none") }
    }
}

/// `bigs head train`: fits a head on the documents of a store.
struct HeadTrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Fits a head on stored embeddings and the labels in the documents' metadata.",
        discussion: """
            A linear head: logistic regression with an L2 penalty, whose strength is chosen by \
            stratified cross-validation. Accuracy and macro-F1 are out of fold. A server with the \
            same model serves it at once: POST /predict?head=NAME.
            """)

    @OptionGroup var model: ModelArguments
    @OptionGroup var heads: HeadsArguments

    @Option(help: "The SQLite file with the documents.")
    var store: String

    @Option(help: "Where the label is in a document: metadata.topic, say.")
    var labelField: String

    @Option(help: "What requests call the head: letters, digits, -, _ and .")
    var name: String

    @Option(help: "softmax (one label each) or sigmoid (any number). Default: by the labels.")
    var kind: HeadKind?

    @Option(help: "How many parts the documents are cut into to judge the head.")
    var folds = 5

    @Option(help: "Only documents whose metadata pass: a filter as JSON.")
    var filter: String?

    @Flag(help: "Prints the result as JSON.")
    var json = false

    func validate() throws {
        guard TrainedHead.isValid(name: name) else {
            throw ValidationError(
                "--name: expected 1 to 64 letters, digits, -, _ and . (not first), got \"\(name)\"")
        }
        guard (2...100).contains(folds) else {
            throw ValidationError("--folds: expected 2 to 100, got \(folds)")
        }
    }

    func run() async throws {
        let folder = heads.folder(model: try model.directory())
        // It takes long to find what would be lost.
        do {
            try folder.prepare()
        } catch {
            throw CommandError(
                description: "\(error); name another folder with --heads or BIGS_HEADS")
        }
        let loaded = try model.load()
        let opened = try StoreAccess.open(store)
        defer { opened.close() }
        var builder = try LabelledDocuments.Builder(field: labelField, kind: kind)
        let export = try await opened.export(
            where: try StoreAccess.filter(filter), parts: [.metadata, .vector],
            model: loaded.fingerprint)
        var last: String?
        repeat {
            let piece = try await export.next(after: last)
            for document in piece.documents { try builder.add(document) }
            last = piece.last
        } while last != nil
        let documents = try builder.finish()
        StandardError.write(
            "\(documents.set.count) documents, \(documents.set.labels.count) labels "
                + "(\(documents.withoutLabel) without a label, \(documents.withoutEncoding) without "
                + "an encoding of this model)")

        var trainer = HeadTrainer()
        trainer.folds = folds
        let result = trainer.train(documents.set) { step in
            switch step {
            case .fold(let fold, let count): StandardError.write("fold \(fold) of \(count)")
            case .lastFit: StandardError.write("fitting on all documents")
            }
        }
        if !result.isConverged {
            StandardError.write("the last fit stopped after \(result.iterations) iterations")
        }
        let head = TrainedHead(
            name: name, modelFingerprint: loaded.fingerprintText, head: result.head,
            training: .init(
                labelField: labelField, documents: documents.set.count, folds: result.folds,
                inverseRegularization: result.inverseRegularization, metrics: result.metrics))
        try HeadFile.write(head, in: folder.url)
        try report(head, HeadFile.url(of: name, in: folder.url))
    }

    private func report(_ head: TrainedHead, _ file: URL) throws {
        if json {
            try JSONLines.write(HeadSummary(head))
            return
        }
        let metrics = head.training.metrics
        var lines = [
            "head       \(head.name) (\(head.head.kind.rawValue)), \(file.path)",
            "documents  \(head.training.documents), \(head.training.folds) folds",
            "C          \(head.training.inverseRegularization)",
            "accuracy   \(Self.percent(metrics.accuracy)) out of fold",
            "macro-F1   \(Self.percent(metrics.macroF1)) out of fold",
        ]
        for (index, label) in head.head.labels.enumerated() {
            lines.append(
                "  F1 \(Self.percent(metrics.f1[index]))  \(metrics.support[index]) documents  "
                    + label)
        }
        try StandardOutput.print(lines.joined(separator: "\n"))
    }

    static func percent(_ value: Double) -> String { String(format: "%5.1f %%", 100 * value) }
}

/// A head as JSON.
struct HeadSummary: Encodable {
    let name: String
    let kind: String
    let labels: [String]
    let model: String
    let labelField: String
    let documents: Int
    let folds: Int
    let inverseRegularization: Double
    let accuracy: Double
    let macroF1: Double

    init(_ head: TrainedHead) {
        name = head.name
        kind = head.head.kind.rawValue
        labels = head.head.labels
        model = head.modelFingerprint
        labelField = head.training.labelField
        documents = head.training.documents
        folds = head.training.folds
        inverseRegularization = head.training.inverseRegularization
        accuracy = head.training.metrics.accuracy
        macroF1 = head.training.metrics.macroF1
    }
}

/// `bigs head list`: the heads of a folder as JSON lines.
struct HeadListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Prints the heads of a model, as JSON lines.")

    @Option(help: ArgumentHelp("The model's directory.", valueName: "directory"))
    var model: String?
    @OptionGroup var heads: HeadsArguments

    func run() async throws {
        let directory = try ModelLocator.directory(named: model)
        let folder = heads.folder(model: directory)
        // A model may have no heads yet; a folder that is named is there.
        for url in [directory, heads.named].compactMap({ $0 }) {
            do {
                _ = try FileManager.default.contentsOfDirectory(atPath: url.path)
            } catch {
                throw CommandError(
                    description: "\(url.path): cannot be read: \(SystemReason.text(of: error))")
            }
        }
        var isComplete = true
        for name in folder.names {
            do {
                try JSONLines.write(HeadSummary(try folder.read(name)))
            } catch let error as HeadFileError {
                StandardError.write("\(error)")
                isComplete = false
            }
        }
        if !isComplete { throw ExitCode.failure }
    }
}
