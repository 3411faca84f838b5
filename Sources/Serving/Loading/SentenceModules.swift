import Foundation

/// What sentence-transformers does with a text after the tokenizer: the modules of `modules.json`, and how
/// many tokens it reads.
struct SentenceModules: Sendable, Equatable {
    /// Where the pooling module's file lies; it may be missing where `modules.json` does not name it.
    private var poolingPath = "1_Pooling/config.json"
    private var namesPooling = false
    /// The most tokens of a text (`max_seq_length`); nil where only the model bounds them.
    private let maximumTokens: Int?

    private struct Module: Decodable {
        let type: String
        let path: String?
    }

    private struct Transformer: Decodable {
        let maxSeqLength: Int?
    }

    /// Reads the two files, where they are there. Throws `ModelLoadingError.badFile` for a module that is
    /// not run here: without it, vectors would be others than the model's.
    init(in directory: URL) throws(ModelLoadingError) {
        let list = "modules.json"
        func refuse(_ path: String, _ reason: String) -> ModelLoadingError {
            .badFile(path: directory.appending(path: path).path, reason: reason)
        }
        for module in try SidecarFile.read([Module].self, list, in: directory) ?? [] {
            let kind = module.type.split(separator: ".").last.map(String.init) ?? module.type
            switch kind {
            // Vectors are made as long as 1 in the end, unless a request wants them as they are.
            case "Normalize": break
            case "Transformer":
                guard (module.path ?? "").isEmpty else {
                    throw refuse(list, "has its Transformer in a folder, which is not read")
                }
            case "Pooling":
                let folder = module.path ?? ""
                guard !folder.isEmpty, !folder.split(separator: "/").contains(".."),
                    !folder.hasPrefix("/")
                else {
                    throw refuse(
                        list, "has its Pooling in \"\(folder.prefix(100))\", not in a folder")
                }
                (poolingPath, namesPooling) = (folder + "/config.json", true)
            default:
                throw refuse(
                    list,
                    "has a module \(kind.prefix(100)), which is not run here; "
                        + "Transformer, Pooling and Normalize are")
            }
        }
        let path = "sentence_bert_config.json"
        let transformer = try SidecarFile.read(
            Transformer.self, path, in: directory, keys: .convertFromSnakeCase)
        maximumTokens = transformer?.maxSeqLength
        // [CLS] and [SEP], and something between them.
        if let maximumTokens, maximumTokens < 3 {
            throw refuse(path, "max_seq_length is \(maximumTokens); expected 3 or more")
        }
    }

    /// The most tokens of a text where the model reads `own`.
    func window(within own: Int) -> Int { min(own, maximumTokens ?? own) }

    /// What the pooling module's file says; nil without one. `override` is asked for in its mode's place.
    func pooling(
        in directory: URL, override: Pooling? = nil
    ) throws(ModelLoadingError) -> PoolingConfiguration? {
        let found = try PoolingConfiguration.read(poolingPath, in: directory, override: override)
        guard found != nil || !namesPooling || override != nil else {
            throw .badFile(
                path: directory.appending(path: poolingPath).path,
                reason: "is missing; modules.json names it (or --pooling)")
        }
        return found
    }
}
