import Checkpoints
import Foundation

/// Makes a directory that holds `files`, which is removed after `body`.
func withDirectory<Result>(
    _ files: [String: [UInt8]], _ body: (URL) throws -> Result
) throws -> Result {
    let directory = FileManager.default.temporaryDirectory
        .appending(path: "checkpoints-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    for (name, bytes) in files { try Data(bytes).write(to: directory.appending(path: name)) }
    return try body(directory)
}

/// What reading `bytes` as a file of `format` throws; nil when it loads. Touches every element.
func problem(_ format: Checkpoint.Format, _ bytes: [UInt8]) -> CheckpointError? {
    do throws(CheckpointError) {
        for tensor in try tensors(format, bytes).values {
            if tensor.type.isFloatingPoint {
                _ = try tensor.floats()
                _ = try tensor.firstNonFinite()
            } else {
                _ = try tensor.integers()
            }
        }
        return nil
    } catch {
        return error
    }
}

/// The tensors of `bytes`, read as a file of `format` called "weights".
func tensors(
    _ format: Checkpoint.Format, _ bytes: [UInt8]
) throws(CheckpointError) -> [String: TensorView] {
    let file = MappedFile(name: "weights", bytes: bytes)
    return switch format {
    case .safetensors: try SafetensorsFile(file).tensors
    case .pytorch: try PyTorchFile(file).tensors
    case .flax: try FlaxFile(file).tensors
    }
}

func littleEndian<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
}

func bigEndian<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
    littleEndian(value).reversed()
}

/// A safetensors file with this header and as many data bytes.
func safetensors(_ header: String, data: Int = 0) -> [UInt8] {
    littleEndian(UInt64(header.utf8.count)) + Array(header.utf8)
        + [UInt8](repeating: 0, count: data)
}

/// A pickle, one operation after the other.
struct Pickle {
    var bytes: [UInt8] = [0x80, 2]

    func raw(_ bytes: [UInt8]) -> Pickle { Pickle(bytes: self.bytes + bytes) }
    func op(_ character: Character) -> Pickle { raw(Array(String(character).utf8)) }
    func global(_ module: String, _ name: String) -> Pickle {
        raw(Array("c\(module)\n\(name)\n".utf8))
    }
    func string(_ text: String) -> Pickle {
        raw([0x58] + littleEndian(UInt32(text.utf8.count)) + Array(text.utf8))
    }
    func integer(_ value: Int) -> Pickle {
        if let small = Int32(exactly: value) { return raw([0x4A] + littleEndian(small)) }
        return raw([0x8A, 8] + littleEndian(value))
    }
    func tuple(_ values: [Int]) -> Pickle {
        values.reduce(op("(")) { $0.integer($1) }.op("t")
    }
    func storage(_ key: String, _ type: String, _ count: Int) -> Pickle {
        op("(").string("storage").global("torch", type).string(key).string("cpu").integer(count)
            .op("t").op("Q")
    }
    func tensor(
        _ key: String = "0", _ type: String = "FloatStorage", stored: Int = 4, offset: Int = 0,
        shape: [Int] = [4], strides: [Int] = [1], metadata: (Pickle) -> Pickle = { $0 }
    ) -> Pickle {
        let arguments = global("torch._utils", "_rebuild_tensor_v2").op("(")
            .storage(key, type, stored).integer(offset).tuple(shape).tuple(strides).raw([0x89])
            .global("collections", "OrderedDict").op(")").op("R")
        return metadata(arguments).op("t").op("R")
    }
    /// {name: what `value` pushes}
    static func dictionary(
        _ name: String = "a", _ value: (Pickle) -> Pickle
    ) -> Pickle {
        value(Pickle().op("}").string(name)).op("s").op(".")
    }
}

/// A stored zip entry; every header field can be set wrong.
struct ZipPart {
    var name: String
    var content: [UInt8]
    var method: UInt16 = 0
    var flags: UInt16 = 0
    var checksum: UInt32?
    var localName: String?
    var localSize: UInt32?
    var directorySize: UInt32?
    /// Where the directory says that the entry begins.
    var offset: UInt32?

    static func checksum(_ bytes: [UInt8]) -> UInt32 {
        var value = ~UInt32(0)
        for byte in bytes {
            value ^= UInt32(byte)
            for _ in 0..<8 { value = value & 1 == 1 ? (value >> 1) ^ 0xEDB8_8320 : value >> 1 }
        }
        return ~value
    }
}

/// A zip archive of `parts`; `comment` follows the end record, `count` overrides its count.
func zip(
    _ parts: [ZipPart], comment: [UInt8] = [], count: UInt16? = nil,
    directoryShift: Int = 0
) -> [UInt8] {
    var bytes: [UInt8] = []
    var directory: [UInt8] = []
    for part in parts {
        let start = UInt32(bytes.count)
        let size = UInt32(part.content.count)
        var middle: [UInt8] = littleEndian(part.flags)
        middle += littleEndian(part.method)
        middle += [0, 0, 0, 0]
        middle += littleEndian(part.checksum ?? ZipPart.checksum(part.content))

        let localName = Array((part.localName ?? part.name).utf8)
        let localSize = littleEndian(part.localSize ?? size)
        bytes += littleEndian(UInt32(0x0403_4B50))
        bytes += [0, 0]
        bytes += middle
        bytes += localSize
        bytes += localSize
        bytes += littleEndian(UInt16(localName.count))
        bytes += [0, 0]
        bytes += localName
        bytes += part.content

        let directorySize = littleEndian(part.directorySize ?? size)
        directory += littleEndian(UInt32(0x0201_4B50))
        directory += [0, 0, 0, 0]
        directory += middle
        directory += directorySize
        directory += directorySize
        directory += littleEndian(UInt16(part.name.utf8.count))
        directory += [UInt8](repeating: 0, count: 12)
        directory += littleEndian(part.offset ?? start)
        directory += Array(part.name.utf8)
    }
    let records = littleEndian(count ?? UInt16(parts.count))
    var end = littleEndian(UInt32(0x0605_4B50))
    end += [0, 0, 0, 0]
    end += records
    end += records
    end += littleEndian(UInt32(directory.count))
    end += littleEndian(UInt32(bytes.count + directoryShift))
    end += littleEndian(UInt16(comment.count))
    return bytes + directory + end + comment
}

/// A PyTorch archive of a pickle and of storages "0", "1", … of these sizes in bytes.
func pytorch(_ pickle: Pickle, storages: [Int] = [16], extra: [ZipPart] = []) -> [UInt8] {
    let data = storages.enumerated().map { index, size in
        ZipPart(name: "m/data/\(index)", content: [UInt8](repeating: 0, count: size))
    }
    return zip([ZipPart(name: "m/data.pkl", content: pickle.bytes)] + data + extra)
}

/// MessagePack values.
enum MessagePack {
    static func text(_ text: String) -> [UInt8] {
        [0xD9, UInt8(text.utf8.count)] + Array(text.utf8)
    }
    static func integer(_ value: Int) -> [UInt8] { [0xCF] + bigEndian(value) }
    static func map(_ members: [(String, [UInt8])]) -> [UInt8] {
        var bytes: [UInt8] = [0xDE]
        bytes += bigEndian(UInt16(members.count))
        for (key, value) in members { bytes += text(key) + value }
        return bytes
    }
    static func binary(_ bytes: [UInt8]) -> [UInt8] {
        let length: [UInt8] = bigEndian(UInt32(bytes.count))
        return [0xC6] + length + bytes
    }
    static func ext(_ type: UInt8, _ content: [UInt8]) -> [UInt8] {
        let length: [UInt8] = bigEndian(UInt32(content.count))
        return [0xC9] + length + [type] + content
    }
    static func array(
        _ shape: [Int], _ type: String = "float32", bytes: [UInt8], extension code: UInt8 = 1
    ) -> [UInt8] {
        var content: [UInt8] = [0x93, 0xDC]
        content += bigEndian(UInt16(shape.count))
        for size in shape { content += integer(size) }
        content += text(type)
        content += binary(bytes)
        return ext(code, content)
    }
}
