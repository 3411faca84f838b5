package import Foundation

/// A Flax parameter file (`flax.serialization.to_bytes`): MessagePack maps with text keys, whose
/// leaves are arrays.
package struct FlaxFile: Sendable {
    /// The arrays by path: the keys from the root, joined with ".".
    package let tensors: [String: TensorView]

    /// Maps the file at `url`; checks its structure and every array.
    package init(url: URL) throws(CheckpointError) { try self.init(try MappedFile(url)) }

    /// The same for a file that is mapped already.
    package init(_ file: MappedFile) throws(CheckpointError) {
        var reader = MessagePackReader(ByteCursor(file))
        var tensors: [String: TensorView] = [:]
        try FlaxFile.readMap(&reader, path: "", depth: 0, into: &tensors)
        guard reader.cursor.isAtEnd else {
            throw .trailingBytes(
                file: file.name, offset: reader.cursor.offset, count: reader.cursor.remaining)
        }
        self.tensors = tensors
    }

    private static let maximumDepth = 32
    private static let chunkedMark = "__msgpack_chunked_array__"

    private static func readMap(
        _ reader: inout MessagePackReader, path: String, depth: Int,
        into tensors: inout [String: TensorView]
    ) throws(CheckpointError) {
        let file = reader.cursor.file
        guard depth < maximumDepth else {
            throw .messagePackTooDeep(
                file: file.name, offset: reader.cursor.offset, limit: maximumDepth)
        }
        let count = try reader.mapCount()
        var keys: Set<String> = []
        for index in 0..<count {
            let key = try reader.text("a key")
            if key == chunkedMark, index == 0 {
                let array = try readChunks(&reader, path: path, members: count - 1)
                return try insert(array, path, into: &tensors)
            }
            let prefix = path.isEmpty ? "" : path + "."
            try TensorView.checkName(length: prefix.utf8.count + key.utf8.count, file: file)
            let name = prefix + key
            guard keys.insert(key).inserted else {
                throw .duplicateKey(file: file.name, key: name)
            }
            if reader.isAtMap {
                try readMap(&reader, path: name, depth: depth + 1, into: &tensors)
            } else {
                try insert(readArray(&reader, path: name), name, into: &tensors)
            }
        }
    }

    private static func insert(
        _ tensor: TensorView, _ name: String, into tensors: inout [String: TensorView]
    ) throws(CheckpointError) {
        guard tensors.updateValue(tensor, forKey: name) == nil else {
            throw .duplicateKey(file: tensor.fileName, key: name)
        }
    }

    /// Extension 1 (or 3, for single numbers): [shape, type name, bytes], row-major.
    private static func readArray(
        _ reader: inout MessagePackReader, path: String
    ) throws(CheckpointError) -> TensorView {
        let file = reader.cursor.file
        let (type, content) = try reader.extensionPayload("array '\(path)'")
        guard type == 1 || type == 3 else {
            throw .messagePackExtensionUnknown(file: file.name, tensor: path, type: type)
        }
        func malformed(_ expected: String, _ got: String) -> CheckpointError {
            .arrayMalformed(file: file.name, tensor: path, expected: expected, got: got)
        }
        var inner = MessagePackReader(ByteCursor(file, in: content))
        let fields = try inner.arrayCount()
        guard fields == 3 else { throw malformed("[shape, type, bytes]", "\(fields) fields") }
        let rank = try inner.arrayCount()
        guard rank <= TensorView.maximumRank else {
            throw .tooManyDimensions(
                file: file.name, tensor: path, limit: TensorView.maximumRank, got: rank)
        }
        var shape: [Int] = []
        for _ in 0..<rank { shape.append(try inner.unsignedInteger("a dimension")) }
        let typeName = try inner.text("a type name")
        guard let elementType = ElementType(rawValue: typeName) else {
            throw .unknownElementType(file: file.name, tensor: path, got: typeName)
        }
        let bytes = try inner.binary("the elements of '\(path)'")
        guard inner.cursor.isAtEnd else {
            throw malformed("nothing after the bytes", "\(inner.cursor.remaining) bytes")
        }
        return try TensorView(
            name: path, file: file, bytes: bytes, type: elementType, shape: shape)
    }

    /// What Flax makes of an array over 1 GiB: {mark: true, "shape": {"0": …}, "chunks": {"0": …}}.
    /// The chunks are copied into one block of memory.
    private static func readChunks(
        _ reader: inout MessagePackReader, path: String, members: Int
    ) throws(CheckpointError) -> TensorView {
        let file = reader.cursor.file
        func malformed(_ expected: String, _ got: String) -> CheckpointError {
            .chunksMalformed(file: file.name, tensor: path, expected: expected, got: got)
        }
        guard try reader.bool(), members == 2 else {
            throw malformed("true, a shape and chunks", "\(members) members")
        }
        func checkKey(_ index: Int) throws(CheckpointError) {
            let key = try reader.text("a key")
            guard key == String(index) else { throw malformed("key '\(index)'", "'\(key)'") }
        }
        var shape: [Int]?
        var chunks: [TensorView] = []
        for _ in 0..<2 {
            let key = try reader.text("a key")
            let count = try reader.mapCount()
            switch key {
            case "shape" where shape == nil && count <= TensorView.maximumRank:
                var sizes: [Int] = []
                for index in 0..<count {
                    try checkKey(index)
                    sizes.append(try reader.unsignedInteger("a dimension"))
                }
                shape = sizes
            case "chunks" where chunks.isEmpty:
                for index in 0..<count {
                    try checkKey(index)
                    chunks.append(try readArray(&reader, path: "\(path).chunks.\(index)"))
                }
            default: throw malformed("one shape and one list of chunks", "'\(key)'")
            }
        }
        guard let shape, let type = chunks.first?.type, chunks.allSatisfy({ $0.type == type })
        else { throw malformed("chunks of one type", "\(chunks.count) chunks") }
        let parts = chunks.map { $0.byteOffset..<$0.byteOffset + $0.count * type.size }
        let memory = MappedFile(joining: parts, of: file)
        return try TensorView(
            name: path, file: memory, bytes: 0..<memory.count, type: type, shape: shape)
    }
}
