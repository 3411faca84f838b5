import Glibc

/// A file of the cache folder that several processes read and replace. What is measured once decides
/// last bits, so that only one may measure, and the others take what it found.
struct CacheFile: Sendable {
    let path: String

    /// Calls `body` while no other process is in its own; nil where the lock's file cannot be made.
    func exclusively<Result>(_ body: () -> Result?) -> Result? {
        let lock = open(path + ".lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard lock >= 0 else { return nil }
        defer { close(lock) }
        while flock(lock, LOCK_EX) != 0 {
            guard errno == EINTR else { return nil }
        }
        return body()
    }

    /// Replaces the file by the one that `write` makes at the path it is given, whole or not at all.
    /// Returns whether it did.
    func replace(_ write: (_ path: String) -> Bool) -> Bool {
        // A process id would not do: containers that share the folder have the same ones.
        let suffix = String(UInt64.random(in: .min ... .max), radix: 16)
        let temporary = "\(path).\(suffix)"
        guard write(temporary), rename(temporary, path) == 0 else {
            unlink(temporary)
            return false
        }
        return true
    }
}
