import Checkpoints
package import Foundation

/// A folder of heads, read anew when it changed: a head that was just trained is served at once.
package struct HeadFolder: Sendable {
    /// The folder; it need not exist.
    package let url: URL

    /// The folder at `url`; it need not be there.
    package init(url: URL) { self.url = url }

    /// Makes the folder where there is none, and sees that files can be written into it.
    package func prepare() throws(HeadFileError) {
        do {
            try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        } catch {
            throw .notWritable(path: url.path, reason: SystemReason.text(of: error))
        }
        guard access(url.path, W_OK | X_OK) == 0 else {
            throw .notWritable(path: url.path, reason: SystemReason.text(of: errno))
        }
    }

    /// The names of the files that may be heads, rising.
    package var names: [String] {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []
        return files.compactMap { file in
            guard file.hasSuffix(".safetensors") else { return nil }
            let name = String(file.dropLast(".safetensors".count))
            return TrainedHead.isValid(name: name) ? name : nil
        }.sorted()
    }

    /// When the head's file was written and how long it is; nil where there is none. Files are
    /// replaced as a whole, so a changed one has another of these.
    package func version(of name: String) -> HeadVersion? {
        guard TrainedHead.isValid(name: name),
            let attributes = try? FileManager.default.attributesOfItem(
                atPath: HeadFile.url(of: name, in: url).path)
        else { return nil }
        return HeadVersion(
            modified: attributes[.modificationDate] as? Date ?? .distantPast,
            bytes: (attributes[.size] as? NSNumber)?.intValue ?? 0,
            file: (attributes[.systemFileNumber] as? NSNumber)?.intValue ?? 0)
    }

    /// Reads one head.
    package func read(_ name: String) throws(HeadFileError) -> TrainedHead {
        try HeadFile.read(HeadFile.url(of: name, in: url))
    }
}

/// Tells one state of a head's file from another.
package struct HeadVersion: Sendable, Equatable {
    let modified: Date
    let bytes: Int
    let file: Int
}
