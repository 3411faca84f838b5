import Checkpoints
import Foundation

/// The file that a command reads from: `-` is standard input.
enum StandardInput {
    /// Opens the file at `path`. Throws `CommandError`.
    static func open(_ path: String) throws -> FileHandle {
        if path == "-" { return .standardInput }
        do {
            return try FileHandle(forReadingFrom: URL(filePath: path))
        } catch {
            throw failure(of: path, error)
        }
    }

    /// Whether there are bytes to be read, or the end, within so many milliseconds; -1 waits for them.
    static func isReady(_ handle: FileHandle, within milliseconds: Int32 = 0) -> Bool {
        var wanted = pollfd(fd: handle.fileDescriptor, events: Int16(POLLIN), revents: 0)
        return poll(&wanted, 1, milliseconds) != 0
    }

    /// The next bytes of the file at `path`, which was opened before; nil at its end. What a pipe has is
    /// read, without waiting for more: `FileHandle` would wait until it has as many as it may.
    static func block(of handle: FileHandle, at path: String) throws(CommandError) -> [UInt8]? {
        var number: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, count in
            var got = -1
            repeat {
                got = read(handle.fileDescriptor, buffer.baseAddress, buffer.count)
                // Whoever shares the descriptor may have chosen not to wait.
                if got < 0, errno == EAGAIN { _ = isReady(handle, within: -1) }
            } while got < 0 && (errno == EINTR || errno == EAGAIN)
            number = got < 0 ? errno : 0
            count = max(got, 0)
        }
        if number != 0 {
            throw CommandError(
                description: "\(name(of: path)) cannot be read: \(SystemReason.text(of: number))")
        }
        return bytes.isEmpty ? nil : bytes
    }

    /// What messages call it.
    static func name(of path: String) -> String { path == "-" ? "standard input" : path }

    /// Why it cannot be read, in the system's words.
    static func failure(of path: String, _ error: any Error) -> CommandError {
        error as? CommandError
            ?? .init(
                description: "\(name(of: path)) cannot be read: \(SystemReason.text(of: error))")
    }
}
