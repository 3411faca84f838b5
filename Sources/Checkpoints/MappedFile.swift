package import Foundation

#if !_endian(little)
    #error(
        "Checkpoint files are little-endian and are read in place: a little-endian host is needed")
#endif

/// A regular file, mapped whole and read-only into memory; pages are read when first touched.
///
/// Proof for `@unchecked Sendable`: the pointer is set in `init`, the memory behind it is never
/// written after `init` (mapped `PROT_READ` and `MAP_PRIVATE`, or filled before `init` returns) and
/// is released only in `deinit`, when no reference is left. So any number of threads may read.
///
/// A file that another process replaces by renaming stays as it was; one that is cut short in place
/// while it is mapped ends this process with a bus error, as in every program that maps files.
package final class MappedFile: @unchecked Sendable {
    /// The last component of the file's path: the name that errors give.
    package let name: String
    private let memory: UnsafeRawBufferPointer
    private let isMapped: Bool

    /// Maps the file at `url`. Throws when it cannot be opened or is no regular file.
    package init(_ url: URL) throws(CheckpointError) {
        name = url.lastPathComponent
        // Non-blocking, because opening a named pipe would wait for its writer.
        let descriptor = url.withUnsafeFileSystemRepresentation { path in
            path.map { open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK) } ?? -1
        }
        guard descriptor >= 0 else {
            throw .fileUnreadable(file: url.path, reason: FilePresence.reason(errno, url))
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw .fileUnreadable(file: url.path, reason: SystemReason.text(of: errno))
        }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .notARegularFile(file: url.path) }
        let length = Int(status.st_size)
        isMapped = length > 0
        guard length > 0 else {
            memory = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        let address = mmap(nil, length, PROT_READ, MAP_PRIVATE, descriptor, 0)
        guard let address, address != MAP_FAILED else {
            throw .fileUnreadable(file: url.path, reason: SystemReason.text(of: errno))
        }
        memory = UnsafeRawBufferPointer(start: address, count: length)
    }

    /// A copy of `bytes` in memory, read like a file called `name`.
    package convenience init(name: String, bytes: [UInt8]) {
        self.init(name: name, count: bytes.count) { $0.copyBytes(from: bytes) }
    }

    /// Memory that holds a copy of `parts` of `file` one after the other, under the same name: for
    /// arrays that a file holds in several parts.
    convenience init(joining parts: [Range<Int>], of file: MappedFile) {
        self.init(name: file.name, count: parts.reduce(0) { $0 + $1.count }) { copy in
            var offset = 0
            for part in parts {
                let target = UnsafeMutableRawBufferPointer(
                    rebasing: copy[offset..<offset + part.count])
                file.withUnsafeBytes(in: part) { target.copyMemory(from: $0) }
                offset += part.count
            }
        }
    }

    private init(name: String, count: Int, fill: (UnsafeMutableRawBufferPointer) -> Void) {
        self.name = name
        isMapped = false
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 64)
        fill(copy)
        memory = UnsafeRawBufferPointer(copy)
    }

    deinit {
        if isMapped {
            munmap(UnsafeMutableRawPointer(mutating: memory.baseAddress), memory.count)
        } else {
            memory.deallocate()
        }
    }

    /// Length in bytes.
    package var count: Int { memory.count }

    /// The byte at `offset`, which must lie inside.
    package subscript(offset: Int) -> UInt8 {
        precondition(offset >= 0 && offset < memory.count)
        return memory[offset]
    }

    /// The little-endian integer at `offset`; all of it must lie inside.
    package func load<Value: FixedWidthInteger & BitwiseCopyable>(
        _: Value.Type = Value.self, at offset: Int
    ) -> Value {
        precondition(offset >= 0 && offset <= memory.count - MemoryLayout<Value>.size)
        return Value(littleEndian: memory.loadUnaligned(fromByteOffset: offset, as: Value.self))
    }

    /// Lends the bytes of `range`, which must lie inside; the pointer is valid during `body` only.
    package func withUnsafeBytes<Result, Failure: Error>(
        in range: Range<Int>, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        precondition(range.lowerBound >= 0 && range.upperBound <= memory.count)
        return try body(UnsafeRawBufferPointer(rebasing: memory[range]))
    }
}
