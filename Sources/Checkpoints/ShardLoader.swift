import Foundation

/// Collects the tensors of one or several weight files, and every problem met on the way.
struct ShardLoader {
    let directory: URL
    let format: Checkpoint.Format
    private(set) var files: [URL] = []
    private(set) var tensors: [String: TensorView] = [:]
    private(set) var metadata: [String: String] = [:]
    private(set) var problems: [CheckpointError] = []

    init(directory: URL, format: Checkpoint.Format) {
        self.directory = directory
        self.format = format
    }

    /// Adds the tensors of the file called `name`. Returns whether it could be read.
    @discardableResult
    mutating func load(_ name: String) -> Bool {
        let url = directory.appending(path: name)
        do throws(CheckpointError) {
            let shard = try read(url)
            files.append(url)
            for (name, tensor) in shard.sorted(by: { $0.key < $1.key }) {
                if let other = tensors.updateValue(tensor, forKey: name) {
                    problems.append(
                        .tensorInTwoShards(
                            tensor: name, first: other.fileName, second: tensor.fileName))
                }
            }
            return true
        } catch {
            problems.append(error)
            return false
        }
    }

    /// Adds the tensors of all shards; each must have those that the index says.
    mutating func load(_ index: ShardIndex) {
        var unreadable: Set<String> = []
        for shard in Set(index.shards.values).sorted() {
            guard FilePresence.isEntry(directory.appending(path: shard)) else {
                problems.append(.shardMissing(file: index.name, shard: shard))
                unreadable.insert(shard)
                continue
            }
            if !load(shard) { unreadable.insert(shard) }
        }
        for (name, shard) in index.shards.sorted(by: { $0.key < $1.key })
        where !unreadable.contains(shard) && tensors[name]?.fileName != shard {
            problems.append(.shardTensorMissing(file: index.name, tensor: name, shard: shard))
        }
    }

    private mutating func read(_ url: URL) throws(CheckpointError) -> [String: TensorView] {
        switch format {
        case .safetensors:
            let file = try SafetensorsFile(url: url)
            metadata.merge(file.metadata) { first, _ in first }
            return file.tensors
        case .pytorch: return try PyTorchFile(url: url).tensors
        case .flax: return try FlaxFile(url: url).tensors
        }
    }
}
