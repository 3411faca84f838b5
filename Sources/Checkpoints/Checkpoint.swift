package import Foundation

/// A model directory as `save_pretrained` writes it: `config.json` and weights in one of three
/// formats, in one file or in several with an index. Knows no model: only names, shapes, numbers.
package struct Checkpoint: Sendable {
    /// The format of the weights. Where a directory has several, the first of this order is read.
    package enum Format: String, Sendable, CaseIterable {
        case safetensors, pytorch, flax

        /// The name of the file, where the weights are in one.
        package var fileName: String {
            switch self {
            case .safetensors: "model.safetensors"
            case .pytorch: "pytorch_model.bin"
            case .flax: "flax_model.msgpack"
            }
        }

        /// The name of the index, where the weights are in several files.
        package var indexName: String { fileName + ".index.json" }
    }

    /// Who named the parameters and laid out the matrices.
    package enum Framework: String, Sendable {
        case pytorch, flax
    }

    /// How the weights are kept.
    package let format: Format
    /// The files that hold the weights, in the order of their names.
    package let files: [URL]
    /// The tensors by name, keys of a Flax tree joined with ".".
    package let tensors: [String: TensorView]
    /// The bytes of config.json.
    package let configuration: Data
    /// The `__metadata__` of safetensors files; empty for the other formats.
    package let metadata: [String: String]

    /// The framework that saved the weights: by the format, and for safetensors by what the file
    /// says ("pt" or "flax"); nil when it says nothing.
    package var framework: Framework? {
        switch format {
        case .pytorch: .pytorch
        case .flax: .flax
        case .safetensors:
            switch metadata["format"] {
            case "pt": .pytorch
            case "flax": .flax
            default: nil
            }
        }
    }

    /// The bytes of the files that the tensors lie in.
    package var storedBytes: Int {
        var files: [ObjectIdentifier: Int] = [:]
        for tensor in tensors.values { files[ObjectIdentifier(tensor.file)] = tensor.file.count }
        return files.values.reduce(0, +)
    }

    /// Maps and checks all files of `directory`; throws the first problem.
    package init(directory: URL) throws(CheckpointError) {
        var problems: [CheckpointError] = []
        let checkpoint = Checkpoint.read(directory, &problems)
        if let problem = problems.first { throw problem }
        guard let checkpoint else { throw .notADirectory(path: directory.path) }
        self = checkpoint
    }

    /// Every problem of the files of `directory`, in the order found; empty for a sound checkpoint.
    /// A file that cannot be read hides no problem of another one.
    package static func problems(in directory: URL) -> [CheckpointError] {
        var problems: [CheckpointError] = []
        _ = read(directory, &problems)
        return problems
    }

    private static let maximumConfigurationLength = 16 << 20

    /// Reads what can be read; nil when there are no weights.
    private static func read(
        _ directory: URL, _ problems: inout [CheckpointError]
    ) -> Checkpoint? {
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: directory.path, isDirectory: &isDirectory),
            isDirectory.boolValue
        else {
            problems.append(.notADirectory(path: directory.path))
            return nil
        }
        let configuration = collect(&problems) { () throws(CheckpointError) in
            try Self.configuration(in: directory)
        }
        let weights = collect(&problems) { () throws(CheckpointError) in try find(directory) }
        guard let weights else { return nil }
        var loader = ShardLoader(directory: directory, format: weights.format)
        if weights.isIndex {
            let url = directory.appending(path: weights.format.indexName)
            let index = collect(&problems) { () throws(CheckpointError) in
                try ShardIndex(url: url)
            }
            if let index { loader.load(index) }
        } else {
            loader.load(weights.format.fileName)
        }
        problems += loader.problems
        return Checkpoint(
            format: weights.format, files: loader.files, tensors: loader.tensors,
            configuration: configuration ?? Data(), metadata: loader.metadata)
    }

    private init(
        format: Format, files: [URL], tensors: [String: TensorView], configuration: Data,
        metadata: [String: String]
    ) {
        self.format = format
        self.files = files
        self.tensors = tensors
        self.configuration = configuration
        self.metadata = metadata
    }

    /// What `body` returns; nil, and one more problem, when it throws.
    private static func collect<Value>(
        _ problems: inout [CheckpointError], _ body: () throws(CheckpointError) -> Value
    ) -> Value? {
        do throws(CheckpointError) {
            return try body()
        } catch {
            problems.append(error)
            return nil
        }
    }

    /// The bytes of a directory's `config.json`.
    package static func configuration(in directory: URL) throws(CheckpointError) -> Data {
        let url = directory.appending(path: "config.json")
        guard FilePresence.isEntry(url) else {
            throw .configurationMissing(directory: directory.path)
        }
        let file = try MappedFile(url)
        guard file.count <= maximumConfigurationLength else {
            throw .fileTooLarge(
                file: file.name, limit: maximumConfigurationLength, got: file.count)
        }
        return file.withUnsafeBytes(in: 0..<file.count) { Data($0) }
    }

    private static func find(
        _ directory: URL
    ) throws(CheckpointError) -> (format: Format, isIndex: Bool) {
        var expected: [String] = []
        for format in Format.allCases {
            for (name, isIndex) in [(format.fileName, false), (format.indexName, true)] {
                if FilePresence.isEntry(directory.appending(path: name)) {
                    return (format, isIndex)
                }
                expected.append(name)
            }
        }
        throw .weightsMissing(directory: directory.path, expected: expected)
    }
}
