import ArgumentParser
import BiGSModel
import Foundation
import Hub
import Kernels
import Serving

extension Precision: ExpressibleByArgument {}
extension Pooling: ExpressibleByArgument {}
extension PaddingPolicy: ExpressibleByArgument {}
extension GELUForm: ExpressibleByArgument {}

/// Which model, and how it is run: the options that all commands with a model share.
struct ModelArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            The model's directory, as save_pretrained writes it, or NAME=DIRECTORY to give it a name, \
            or OWNER/NAME that bigs pull fetched, \
            or an embedded model: bigs-mini or bigs-mini-section. Default: bigs-mini, for classify \
            bigs-mini-section. serve alone takes several: requests choose one by "model", \
            and the first answers those that do not.
            """,
            valueName: "directory"))
    var model: [String] = []

    @Option(
        help: "mean, cls, max, last-token or pooler. Default: 1_Pooling/config.json, else mean.")
    var pooling: Pooling?

    @Option(help: "none or max-length. Default: what the model's files say.")
    var padding: PaddingPolicy?

    @Option(help: "The encoder's GELU, tanh or erf. Default: that of the framework that saved it.")
    var gelu: GELUForm?

    @Option(
        help: ArgumentHelp(
            "The type that the layers compute in: float32, bfloat16 or int8.",
            discussion: "Where the processor has no instructions for it, they compute in float32."))
    var dtype = Precision.float32

    @Option(help: "Cores to compute on. Default: all that the process may use.")
    var threads: Int?

    func validate() throws {
        if let threads, threads < 1 || threads > 1024 {
            throw ValidationError("--threads: expected 1 to 1024, got \(threads)")
        }
        if !model.isEmpty { _ = try places() }
    }

    /// A model's name, where it was given one, and its directory.
    typealias Place = (name: String?, directory: URL)

    /// What `--model` names, or the embedded model given. Throws `ValidationError` for a name that
    /// is used twice.
    func places(embedded: EmbeddedModel = .embeddings) throws -> [Place] {
        guard !model.isEmpty else {
            return [(nil, try ModelLocator.directory(named: nil, embedded: embedded))]
        }
        var names: Set<String> = []
        return try model.map { value in
            let place = try Self.place(value)
            let name = place.name ?? LoadedModel.name(of: place.directory)
            guard names.insert(name).inserted else {
                throw ValidationError(
                    "--model: two models are called \(name); name them apart with NAME=DIRECTORY")
            }
            return place
        }
    }

    /// `NAME=DIRECTORY`, where the name may be that of a hub, or a directory. What exists as it is written
    /// is a directory. A model that was fetched has the name that it was fetched by.
    static func place(_ value: String) throws -> Place {
        guard !FileManager.default.fileExists(atPath: value),
            let equals = value.firstIndex(of: "="), isName(value[..<equals])
        else {
            return (
                ModelLocator.isFetched(value) ? value : nil,
                try ModelLocator.directory(named: value)
            )
        }
        let name = String(value[..<equals])
        let directory = String(value[value.index(after: equals)...])
        guard !name.isEmpty, !directory.isEmpty else {
            throw ValidationError("--model: expected NAME=DIRECTORY or a directory, got \(value)")
        }
        return (name, try ModelLocator.directory(named: directory))
    }

    /// Whether this may stand before "=": what has a slash is the beginning of a path, unless a hub might
    /// give such a name.
    private static func isName(_ name: Substring) -> Bool {
        !name.contains("/") || (try? HubRepository(String(name))) != nil
    }

    private func only(embedded: EmbeddedModel = .embeddings) throws -> Place {
        let places = try places(embedded: embedded)
        guard places.count == 1 else {
            throw ValidationError("--model: only serve takes several models")
        }
        return places[0]
    }

    /// The directory that `--model` names, or the embedded model's.
    func directory() throws -> URL { try only().directory }

    /// The directories of all models, at least one.
    func directories() throws -> [URL] { try places().map(\.directory) }

    /// Loads the model, its tokenizer and its rules, and says so where it runs another type; without
    /// `--model`, the embedded one given.
    func load(embedded: EmbeddedModel = .embeddings) throws -> LoadedModel {
        try load(only(embedded: embedded))
    }

    /// Loads every model, in order.
    func loadAll() throws -> [LoadedModel] { try places().map(load) }

    private func load(_ place: Place) throws -> LoadedModel {
        noteDtype()
        do throws(ModelLoadingError) {
            return try LoadedModel.load(
                directory: place.directory, name: place.name,
                options: LoadingOptions(
                    gelu: gelu, pooling: pooling, padding: padding, dtype: dtype))
        } catch {
            // Of weights an error names the file alone, and there may be several models.
            let (text, path) = ("\(error)", place.directory.path)
            throw CommandError(description: text.contains(path) ? text : "\(path): \(text)")
        }
    }

    /// Says on standard error what runs instead of a type that this processor does not have.
    func noteDtype() {
        guard dtype.resolved != dtype else { return }
        let note =
            "--dtype \(dtype.rawValue): this processor has no instructions for it; "
            + "running \(dtype.resolved.rawValue)"
        StandardError.write(note)
    }
}
