package import Foundation

/// Writes safetensors files.
package enum SafetensorsWriter {
    /// The elements of a tensor, row-major.
    package enum Values: Sendable {
        case float32([Float])
        case int32([Int32])
        case int64([Int64])

        fileprivate var count: Int {
            switch self {
            case .float32(let values): values.count
            case .int32(let values): values.count
            case .int64(let values): values.count
            }
        }

        fileprivate var code: (name: String, size: Int) {
            switch self {
            case .float32: ("F32", 4)
            case .int32: ("I32", 4)
            case .int64: ("I64", 8)
            }
        }

        fileprivate func withUnsafeBytes(
            _ body: (UnsafeRawBufferPointer) throws -> Void
        ) rethrows {
            switch self {
            case .float32(let values): try values.withUnsafeBytes(body)
            case .int32(let values): try values.withUnsafeBytes(body)
            case .int64(let values): try values.withUnsafeBytes(body)
            }
        }
    }

    /// Writes `tensors`, in the order given, and `metadata` to the file at `url`. A reader sees the
    /// file that was there before, or all of the new one: it is written beside and renamed. A link stays
    /// and leads to the new file; what is no regular file, such as a pipe, is written into.
    ///
    /// Names must differ, and the number of values must be the product of the shape.
    /// Throws `writeFailed` when the system refuses.
    package static func write(
        _ tensors: [(name: String, shape: [Int], values: Values)],
        metadata: [String: String] = [:], to url: URL
    ) throws(CheckpointError) {
        precondition(Set(tensors.map(\.name)).count == tensors.count, "names must differ")
        do {
            if isReplaceable(url) {
                try replace(url.resolvingSymlinksInPath(), tensors, metadata)
            } else {
                let handle = try file(at: url, O_CREAT)
                defer { try? handle.close() }
                try write(tensors, metadata, to: handle)
            }
        } catch {
            throw .writeFailed(file: url.path, reason: SystemReason.text(of: error))
        }
    }

    /// Whether a rename may put another file in the place of what is there: a regular file, or nothing.
    private static func isReplaceable(_ url: URL) -> Bool {
        var status = stat()
        if stat(url.path, &status) == 0 { return status.st_mode & S_IFMT == S_IFREG }
        // A link that leads to nothing is there, too.
        return lstat(url.path, &status) != 0
    }

    private static func replace(
        _ url: URL, _ tensors: [(name: String, shape: [Int], values: Values)],
        _ metadata: [String: String]
    ) throws {
        let temporary = url.deletingLastPathComponent().appending(
            path: ".\(url.lastPathComponent).\(UUID().uuidString).part")
        let handle = try file(at: temporary, O_CREAT | O_EXCL)
        do {
            defer { try? handle.close() }
            try write(tensors, metadata, to: handle)
            try handle.synchronize()
            guard rename(temporary.path, url.path) == 0 else { throw lastError() }
        } catch {
            try? FileManager.default.removeItem(at: temporary)
            throw error
        }
    }

    private static func file(at url: URL, _ flags: Int32) throws -> FileHandle {
        let descriptor = open(url.path, O_WRONLY | O_CLOEXEC | O_TRUNC | flags, 0o666)
        guard descriptor >= 0 else { throw lastError() }
        return FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    }

    private static func lastError() -> POSIXError {
        POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO)
    }

    private static func write(
        _ tensors: [(name: String, shape: [Int], values: Values)], _ metadata: [String: String],
        to handle: FileHandle
    ) throws {
        try handle.write(contentsOf: header(tensors, metadata))
        for tensor in tensors {
            try tensor.values.withUnsafeBytes { try handle.write(contentsOf: Data($0)) }
        }
    }

    /// The length and the header, padded with spaces so that the tensors begin at a multiple of 8.
    private static func header(
        _ tensors: [(name: String, shape: [Int], values: Values)], _ metadata: [String: String]
    ) -> Data {
        var members: [String] = []
        if !metadata.isEmpty {
            let pairs = metadata.sorted { $0.key < $1.key }
                .map { "\(quoted($0.key)):\(quoted($0.value))" }
            members.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
        }
        var offset = 0
        for (name, shape, values) in tensors {
            precondition(
                shape.reduce(1, *) == values.count && shape.allSatisfy { $0 >= 0 },
                "\(name): \(values.count) values for shape \(shape)")
            let end = offset + values.count * values.code.size
            let sizes = shape.map(String.init).joined(separator: ",")
            members.append(
                "\(quoted(name)):{\"dtype\":\"\(values.code.name)\",\"shape\":[\(sizes)],"
                    + "\"data_offsets\":[\(offset),\(end)]}")
            offset = end
        }
        var json = Data("{\(members.joined(separator: ","))}".utf8)
        json.append(contentsOf: repeatElement(0x20, count: -json.count & 7))
        var header = Data()
        withUnsafeBytes(of: UInt64(json.count).littleEndian) { header.append(contentsOf: $0) }
        return header + json
    }

    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\u{0}"..<"\u{20}":
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
