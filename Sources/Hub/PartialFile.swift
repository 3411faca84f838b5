import Checkpoints
import Foundation
import Glibc
import Synchronization

/// A file on its way, beside its place and with ".part" behind its name. What an earlier attempt left in it
/// is gone on with.
final class PartialFile: Sendable {
    private struct State: ~Copyable, Sendable {
        let handle: FileHandle
        var computation: DigestComputation
    }

    let url: URL
    private let file: HubFile
    private let state: Mutex<State>

    /// Opens the part of `file` in `directory`, or makes it, and reads what it has. Throws
    /// `HubError.notWritten`.
    init(_ file: HubFile, in directory: URL) throws(HubError) {
        url = directory.appending(path: file.path + ".part", directoryHint: .notDirectory)
        self.file = file
        let descriptor = open(
            url.path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o644)
        guard descriptor >= 0 else {
            throw .notWritten(path: url.path, reason: SystemReason.text(of: errno))
        }
        state = Mutex(
            State(
                handle: FileHandle(fileDescriptor: descriptor, closeOnDealloc: true),
                computation: file.digest.computation(size: file.size)))
        try writing {
            while let data = try $0.handle.read(upToCount: Self.block), !data.isEmpty {
                $0.computation.add(data)
                if $0.computation.count > file.size { break }
            }
        }
        if count > file.size { try restart() }
    }

    private static let block = 1 << 20

    /// How many bytes are there.
    var count: Int { state.withLock { $0.computation.count } }

    /// Adds bytes at the end. Throws `HubError.sizeDiffers` where they are more than the file has, and
    /// `HubError.notWritten`.
    func append(_ data: Data) throws(HubError) {
        let total = count + data.count
        guard total <= file.size else {
            throw .sizeDiffers(file: file.path, expected: file.size, got: total)
        }
        try writing {
            try $0.handle.write(contentsOf: data)
            $0.computation.add(data)
        }
    }

    /// Forgets what is there. Throws `HubError.notWritten`.
    func restart() throws(HubError) {
        try writing {
            try $0.handle.truncate(atOffset: 0)
            $0.computation = file.digest.computation(size: file.size)
        }
    }

    /// Checks all that was written and brings it to the disk. Throws `HubError.sizeDiffers`,
    /// `HubError.digestDiffers` and `HubError.notWritten`.
    func finish() throws(HubError) {
        let (got, text) = state.withLock { ($0.computation.count, $0.computation.text) }
        guard got == file.size else {
            throw .sizeDiffers(file: file.path, expected: file.size, got: got)
        }
        guard text == file.digest.text else {
            throw .digestDiffers(file: file.path, expected: file.digest.text, got: text)
        }
        try writing { try $0.handle.synchronize() }
    }

    private func writing(_ work: (inout State) throws -> Void) throws(HubError) {
        do {
            try state.withLock { try work(&$0) }
        } catch {
            throw .notWritten(path: url.path, reason: SystemReason.text(of: error))
        }
    }
}
