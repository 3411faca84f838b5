import Checkpoints
package import Foundation
import Glibc

/// Brings a model's files into a directory. Every file is checked against the digest that the hub gives
/// for it, and none takes its place before all are there; what was stopped goes on where it was.
package struct ModelDownload: Sendable {
    /// How far a file is.
    package struct Progress: Sendable, Equatable {
        /// Its path in the repository.
        package let file: String
        /// Bytes that are there, and in all.
        package let done: Int, size: Int
    }

    /// What a directory holds now.
    package struct Outcome: Sendable, Equatable {
        /// The revision that was fetched, 40 hexadecimal digits.
        package let commit: String
        /// The files that the model needs.
        package let files: [HubFile]
        /// Those that were there before, just so.
        package let kept: Int
        /// Files of the directory that are read with the model although the repository does not have
        /// them.
        package let foreign: [String]
    }

    private let client: HubClient
    private let directory: URL

    /// Fetches by `client` into `directory`, which need not exist.
    package init(client: HubClient, directory: URL) {
        self.client = client
        self.directory = directory
    }

    /// Fetches what the directory lacks of the model. Files of other names stay as they are. Throws
    /// `HubError`, `CheckpointError` for an index of shards that cannot be read, and what `check` throws.
    /// - Parameter check: looks at the configuration before anything else is fetched: nobody waits for
    ///   the weights of a model that cannot be used.
    package func run(
        _ repository: HubRepository, check: (_ configuration: Data) throws -> Void = { _ in },
        progress: @escaping @Sendable (Progress) -> Void
    ) async throws -> Outcome {
        let listing = try await client.listing(of: repository)
        var files = try RepositoryFiles.needed(of: listing)
        let weights = files[files.count - 1].path
        try makeFolder(directory)
        let lock = try DirectoryLock(directory)
        defer { lock.release() }
        if let other = RepositoryFiles.shadow(of: weights, present: exists) {
            throw HubError.shadowed(directory: directory.path, file: weights, by: other)
        }
        var parts: [(HubFile, URL)] = []
        func bring(_ file: HubFile) async throws {
            guard let part = try await fetched(file, of: listing, progress) else { return }
            parts.append((file, part))
        }
        try checkPlaces(files)
        try await bring(files[0])
        try check(Data(contentsOf: parts.first?.1 ?? place(of: files[0].path)))
        for file in files.dropFirst() { try await bring(file) }
        if RepositoryFiles.isIndex(weights) {
            let index = try ShardIndex(
                url: parts.last { $0.0.path == weights }?.1 ?? place(of: weights))
            let shards = try RepositoryFiles.shards(of: index, named: weights, in: listing)
                .filter { !files.contains($0) }
            try checkPlaces(shards)
            for shard in shards { try await bring(shard) }
            files += shards
        }
        // The configuration comes last: it is what says that a model is there.
        for (file, part) in parts.reversed() {
            guard rename(part.path, place(of: file.path).path) == 0 else {
                throw HubError.notWritten(
                    path: place(of: file.path).path, reason: SystemReason.text(of: errno))
            }
        }
        return Outcome(
            commit: listing.commit, files: files, kept: files.count - parts.count,
            foreign: RepositoryFiles.foreign(to: listing, present: exists))
    }

    /// The complete part of a file; nil where the file itself is there and right.
    private func fetched(
        _ file: HubFile, of listing: HubListing, _ progress: @escaping @Sendable (Progress) -> Void
    ) async throws(HubError) -> URL? {
        if await DiskQueue.run({ isThere(file) }) { return nil }
        try makeFolder(place(of: file.path).deletingLastPathComponent())
        let part = try await DiskQueue.run { () throws(HubError) in
            try PartialFile(file, in: directory)
        }
        let before = part.count
        func complete() async throws(HubError) {
            try await client.fetch(file, of: listing, into: part) {
                progress(Progress(file: file.path, done: $0, size: file.size))
            }
            try await DiskQueue.run { () throws(HubError) in
                do throws(HubError) {
                    try part.finish()
                } catch {
                    try part.restart()
                    throw error
                }
            }
        }
        do throws(HubError) {
            try await complete()
        } catch {
            // What an earlier attempt left may be of another commit.
            guard before > 0, case .digestDiffers = error else { throw error }
            try await complete()
        }
        return part.url
    }

    private func place(of path: String) -> URL {
        directory.appending(path: path, directoryHint: .notDirectory)
    }

    private func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: place(of: path).path)
    }

    /// Whether the file is in its place, with the content that it has to have.
    private func isThere(_ file: HubFile) -> Bool {
        guard exists(file.path), let mapped = try? MappedFile(place(of: file.path)),
            mapped.count == file.size
        else { return false }
        var computation = file.digest.computation(size: file.size)
        for start in stride(from: 0, to: mapped.count, by: 1 << 20) {
            let end = min(mapped.count, start + 1 << 20)
            computation.add(mapped.withUnsafeBytes(in: start..<end) { Data($0) })
        }
        return computation.text == file.digest.text
    }

    private func makeFolder(_ folder: URL) throws(HubError) {
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        } catch {
            throw .notWritten(path: folder.path, reason: SystemReason.text(of: error))
        }
    }

    /// Throws `HubError.notWritten` where a folder lies in a file's place, and `HubError.spaceMissing`
    /// where the disk has not room for what the files lack.
    private func checkPlaces(_ files: [HubFile]) throws(HubError) {
        var needed = 0
        for file in files {
            let place = place(of: file.path)
            var isFolder: ObjCBool = false
            if FileManager.default.fileExists(atPath: place.path, isDirectory: &isFolder) {
                guard !isFolder.boolValue else {
                    throw .notWritten(path: place.path, reason: SystemReason.text(of: EISDIR))
                }
                if size(of: place) == file.size { continue }
            }
            let part = self.place(of: file.path + ".part")
            let (sum, overflow) = needed.addingReportingOverflow(
                max(0, file.size - size(of: part)))
            needed = overflow ? .max : sum
        }
        let attributes = try? FileManager.default.attributesOfFileSystem(forPath: directory.path)
        guard let free = (attributes?[.systemFreeSize] as? NSNumber)?.intValue, free < needed else {
            return
        }
        throw .spaceMissing(directory: directory.path, needed: needed, available: free)
    }

    /// The size of a file in bytes; 0 where there is none.
    private func size(of file: URL) -> Int {
        let attributes = try? FileManager.default.attributesOfItem(atPath: file.path)
        return (attributes?[.size] as? NSNumber)?.intValue ?? 0
    }
}

/// Keeps other processes from fetching into the same directory.
private struct DirectoryLock {
    private let descriptor: Int32

    /// Throws `HubError.busy`, and `HubError.notWritten` where the directory cannot be opened.
    init(_ directory: URL) throws(HubError) {
        descriptor = open(directory.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw .notWritten(path: directory.path, reason: SystemReason.text(of: errno))
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw .busy(directory: directory.path)
        }
    }

    func release() { close(descriptor) }
}
