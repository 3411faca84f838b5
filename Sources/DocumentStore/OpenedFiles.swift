import Glibc

/// The store's file and its log as they were when it was opened: SQLite goes on writing to both when
/// somebody removes them or puts others in their place, and nobody finds what it writes then.
struct OpenedFiles: Sendable {
    private struct Identity: Equatable, Sendable {
        let device: dev_t
        let number: ino_t

        /// Nil where there is no file.
        init?(path: String) {
            var info = stat()
            guard stat(path, &info) == 0 else { return nil }
            (device, number) = (info.st_dev, info.st_ino)
        }
    }

    private let path: String
    private let file: Identity?
    /// Nil where SQLite has yet to make it.
    private let log: Identity?

    /// The files of an open store at `path`.
    init(path: String) {
        self.path = path
        file = Identity(path: path)
        log = Identity(path: Self.log(of: path))
    }

    private static func log(of path: String) -> String { path + "-wal" }

    /// Whether their paths still lead to them.
    var areInPlace: Bool {
        Identity(path: path) == file
            && (log == nil || Identity(path: Self.log(of: path)) == log)
    }
}
