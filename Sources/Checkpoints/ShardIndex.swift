package import Foundation

/// The `*.index.json` of a checkpoint in several files: which tensor is in which file.
package struct ShardIndex {
    /// The name of the index file.
    package let name: String
    /// The shard's file name for each tensor, keys of a tree joined with ".".
    package let shards: [String: String]

    private static let maximumLength = 64 << 20

    /// Reads `{"metadata": …, "weight_map": {tensor: file}}`; throws when a shard's name is
    /// anything but a plain file name.
    package init(url: URL) throws(CheckpointError) {
        let file = try MappedFile(url)
        guard file.count <= ShardIndex.maximumLength else {
            throw .fileTooLarge(
                file: file.name, limit: ShardIndex.maximumLength, got: file.count)
        }
        var scanner = JSONScanner(file, in: 0..<file.count)
        var map: [String: String]?
        try scanner.object { scanner, key throws(CheckpointError) in
            guard key == "weight_map" else { return try scanner.skipValue() }
            var shards: [String: String] = [:]
            try scanner.object { scanner, path throws(CheckpointError) in
                let shard = try scanner.string()
                guard ShardIndex.isPlain(shard) else {
                    throw .shardNameRefused(file: file.name, tensor: path, shard: shard)
                }
                // Flax indices separate the keys with "/".
                let name = path.split(separator: "/", omittingEmptySubsequences: false)
                    .joined(separator: ".")
                guard shards.updateValue(shard, forKey: name) == nil else {
                    throw .duplicateKey(file: file.name, key: path)
                }
            }
            map = shards
        }
        try scanner.end()
        guard let map, !map.isEmpty else {
            throw .indexInvalid(file: file.name, expected: "a 'weight_map' that is not empty")
        }
        name = file.name
        shards = map
    }

    private static func isPlain(_ name: String) -> Bool {
        !name.isEmpty && !name.hasPrefix(".")
            && !name.unicodeScalars.contains { $0 == "/" || $0 == "\\" || $0.value < 0x20 }
    }
}
