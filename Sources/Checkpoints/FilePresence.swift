package import Foundation

/// Whether something lies at a path, in the system's own words.
package enum FilePresence {
    /// False only where the system says that there is no such entry. A link is one, whatever has become of
    /// what it leads to, and so is what may not be looked at: a model whose files cannot be read must not
    /// pass for one that has none.
    package static func isEntry(_ url: URL) -> Bool {
        var status = stat()
        let found = url.withUnsafeFileSystemRepresentation { $0.map { lstat($0, &status) } ?? -1 }
        return found == 0 || (errno != ENOENT && errno != ENOTDIR)
    }

    /// Why the file at `url` could not be opened, of an error number.
    package static func reason(_ number: Int32, _ url: URL) -> String {
        number == ENOENT && isEntry(url)
            ? "it is a link to a file that is not there" : SystemReason.text(of: number)
    }
}
