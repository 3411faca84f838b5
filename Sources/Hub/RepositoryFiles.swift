import Checkpoints

/// Which files of a repository this program reads.
package enum RepositoryFiles {
    /// The tokenizer's and sentence-transformers'.
    private static let read = [
        "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
        "vocab.txt", "1_Pooling/config.json", "config_sentence_transformers.json", "modules.json",
        "sentence_bert_config.json",
    ]

    /// These, and what people want beside them.
    private static let beside =
        read + ["README.md", "LICENSE", "LICENSE.md", "LICENSE.txt", "NOTICE"]

    /// The files that weights may be in, in the order in which a model's directory is searched.
    static var weights: [String] {
        Checkpoint.Format.allCases.flatMap { [$0.fileName, $0.indexName] }
    }

    /// Whether a file could be one of those, by its name alone: a model's own, or weights.
    static func mayBeRead(_ path: String) -> Bool {
        path.hasSuffix("config.json") || beside.contains(path) || weights.contains(path)
            || [".safetensors", ".bin", ".msgpack"].contains(where: path.hasSuffix)
    }

    /// The file of a pooling module that lies in a folder of another name than usual.
    private static func isPooling(_ path: String) -> Bool {
        let parts = path.split(separator: "/")
        return parts.count == 2 && parts[0].lowercased().contains("pooling")
            && parts[1] == "config.json" && !read.contains(path)
    }

    /// Whether a file of weights is an index of others.
    static func isIndex(_ weights: String) -> Bool {
        Checkpoint.Format.allCases.contains { $0.indexName == weights }
    }

    /// What has to be fetched: the configuration, the first weights in the order in which a directory is
    /// searched for them, and what lies beside. For weights in several files this is their index; see
    /// ``shards(of:named:in:)``. Throws `HubError.configurationMissing` and `HubError.weightsMissing`.
    static func needed(of listing: HubListing) throws(HubError) -> [HubFile] {
        guard let configuration = listing.file("config.json") else {
            throw .configurationMissing(repository: listing.repository.name)
        }
        guard let first = weights.lazy.compactMap({ listing.file($0) }).first else {
            throw .weightsMissing(repository: listing.repository.name, expected: weights)
        }
        return [configuration] + beside.compactMap { listing.file($0) }
            + listing.files.filter { isPooling($0.path) } + [first]
    }

    /// The files that the index `name` names, in order. Throws `HubError.shardMissing`.
    static func shards(
        of index: ShardIndex, named name: String, in listing: HubListing
    ) throws(HubError) -> [HubFile] {
        var files: [HubFile] = []
        for shard in Set(index.shards.values).sorted() {
            guard let file = listing.file(shard) else {
                throw .shardMissing(index: name, shard: String(shard.prefix(300)))
            }
            files.append(file)
        }
        return files
    }

    /// The files among `present` that are read with a model although the repository does not have them:
    /// somebody's own vocabulary, or left from another revision.
    static func foreign(to listing: HubListing, present: (String) -> Bool) -> [String] {
        read.filter { listing.file($0) == nil && present($0) }
    }

    /// What would be read instead of `weights` in a directory that has the files `present`; nil where
    /// nothing would.
    static func shadow(of weights: String, present: (String) -> Bool) -> String? {
        RepositoryFiles.weights.prefix { $0 != weights }.first(where: present)
    }
}
