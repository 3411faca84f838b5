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

    /// The next bytes of the file at `path`, which was opened before; nil at its end.
    static func block(of handle: FileHandle, at path: String) throws -> [UInt8]? {
        do {
            let data = try handle.read(upToCount: 1 << 16) ?? Data()
            return data.isEmpty ? nil : [UInt8](data)
        } catch {
            throw failure(of: path, error)
        }
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
