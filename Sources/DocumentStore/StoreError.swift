/// What is wrong with a store. In each of these cases the file stays as it is.
package enum StoreError: Error, Sendable, Equatable {
    /// The file is something else than an SQLite database.
    case notADatabase(path: String)
    /// The file is a database of another program.
    case notOurs(path: String, applicationID: Int)
    /// The file's contents contradict each other: a disk or a program damaged it.
    case corrupt(path: String, detail: String)
    /// One row is not what was written, and nothing is known against the others.
    case damagedRow(path: String, detail: String)
    /// The path does not lead to the file, or the log beside it, that was opened.
    case replaced(path: String)
    /// A later version of this program wrote the file.
    case newerVersion(path: String, found: Int, supported: Int)
    /// The file, its folder or its disk cannot be written.
    case readOnly(path: String)
    /// Another process held the file for longer than `StoreOptions.busyTimeout`.
    case locked(path: String)
    /// The disk, or the size that the store was given, is used up.
    case full(path: String)
    /// The path leads to a folder, a pipe, a socket or a device.
    case notAFile(path: String)
    /// The caller gave what the store does not keep; `field` says where, e.g. `metadata`.
    case invalid(field: String, reason: String)
    /// No document has this id.
    case noSuchDocument(id: String)
    /// The document exists, and this model has not encoded it.
    case noVector(id: String)
    /// The caller's task was cancelled before there was an answer.
    case cancelled
    /// The store was closed before.
    case closed(path: String)
    /// Anything else, in the words of SQLite or of the system.
    case other(path: String, detail: String)
}

extension StoreError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notADatabase(let path): "\(path) is not an SQLite database"
        case .notOurs(let path, let id):
            "\(path) is a database of another program (application id \(id))"
        case .corrupt(let path, let detail), .damagedRow(let path, let detail):
            "\(path) is damaged: \(detail)"
        case .replaced(let path):
            "\(path), or the log beside it, was removed or replaced while it was open; a new start "
                + "uses what is there"
        case .newerVersion(let path, let found, let supported):
            "\(path) has version \(found); this program knows versions up to \(supported)"
        case .readOnly(let path): "\(path) cannot be written: it is read-only"
        case .locked(let path): "\(path) is locked by another process"
        case .full(let path): "no room left for \(path)"
        case .notAFile(let path): "\(path) is not a regular file"
        case .invalid(let field, let reason): "\(field): \(reason)"
        case .noSuchDocument(let id): "there is no document \"\(id)\""
        case .noVector(let id):
            "the document \"\(id)\" has no vector of this model; bigs store reencode makes one"
        case .cancelled: "the call was cancelled"
        case .closed(let path): "\(path) was closed"
        case .other(let path, let detail): "\(path): \(detail)"
        }
    }
}
