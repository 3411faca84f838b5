import Foundation
import Synchronization

/// The files of a server's spools: so many at a time, because each takes a descriptor, and each of
/// bounded size.
final class SpoolFiles: Sendable {
    /// The most bytes in one file.
    let maximumBytes: Int
    private let free: Mutex<Int>

    init(count: Int, maximumBytes: Int) {
        self.maximumBytes = maximumBytes
        free = Mutex(count)
    }

    /// A new file; nil when too many are in use, or when the system makes none.
    func open() -> SpoolFile? {
        let isFree = free.withLock { free in
            guard free > 0 else { return false }
            free -= 1
            return true
        }
        guard isFree else { return nil }
        guard let descriptor = Self.openUnnamed() else {
            release()
            return nil
        }
        return SpoolFile(descriptor: descriptor, files: self)
    }

    fileprivate func release() { free.withLock { $0 += 1 } }

    /// A file that nobody else can find, and that is gone when its descriptor is closed. `/tmp` comes
    /// last: on many systems it lies in memory.
    private static func openUnnamed() -> Int32? {
        let chosen = ProcessInfo.processInfo.environment["TMPDIR"]
        for folder in [chosen, "/var/tmp", "/tmp"].compactMap({ $0 }) {
            let path = "\(folder)/http-spool-\(UUID().uuidString)"
            let descriptor = Foundation.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            if descriptor >= 0 {
                unlink(path)
                return descriptor
            }
        }
        return nil
    }
}

/// Bytes that are read in the order in which they were added, out of a file without a name.
final class SpoolFile {
    private let descriptor: Int32
    private let files: SpoolFiles
    private var added = 0
    private var taken = 0

    fileprivate init(descriptor: Int32, files: SpoolFiles) {
        self.descriptor = descriptor
        self.files = files
    }

    deinit {
        close(descriptor)
        files.release()
    }

    /// Whether everything has been taken.
    var isEmpty: Bool { taken == added }

    /// Adds all of `bytes`, or nothing when they do not fit.
    /// - Returns: whether they did.
    func add(_ bytes: [UInt8]) -> Bool {
        guard bytes.count <= files.maximumBytes - added else { return false }
        var written = 0
        while written < bytes.count {
            let rest = written == 0 ? bytes : Array(bytes[written...])
            let count = pwrite(descriptor, rest, rest.count, off_t(added + written))
            if count < 0, errno == EINTR { continue }
            // What a full disk took of them is written over by the next.
            guard count > 0 else { return false }
            written += count
        }
        added += written
        return true
    }

    /// The next bytes, at least one and at most `limit`; nil when they cannot be read.
    func take(atMost limit: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: min(limit, added - taken))
        while true {
            let count = pread(descriptor, &bytes, bytes.count, off_t(taken))
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return nil }
            taken += count
            bytes.removeLast(bytes.count - count)
            return bytes
        }
    }
}
