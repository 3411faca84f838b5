import Foundation
import GRDB
import Logging

/// When a cached encoding that is answered was made, in seconds since 1970.
struct CacheLife: Sendable {
    /// Later than this.
    let from: Double
    /// At the latest: what is younger than now was made before the clock went back, nobody knows when.
    let to: Double

    func contains(_ encoding: CachedEncoding) -> Bool {
        let made = encoding.createdAt.timeIntervalSince1970
        return from < made && made <= to
    }
}

/// Cached encodings: evicted when they are old or room is needed.
extension EncodingStore {
    /// What is kept under each key, in their order; nil where there is nothing, or nothing young
    /// enough. All of it is from one moment.
    /// - Parameter fingerprint: the model's, 32 bytes.
    package func lookup(
        _ keys: [CacheKey], model fingerprint: [UInt8], kind: EncodingKind
    ) async throws(StoreError) -> [CachedEncoding?] {
        precondition(fingerprint.count == CacheKey.byteCount)
        if keys.isEmpty {
            _ = try current()
            return []
        }
        let now = options.clock().timeIntervalSince1970
        let life = options.cacheTTL.map { CacheLife(from: now - $0, to: now) }
        if let recent = recent.find(keys, model: fingerprint, kind: kind, life: life) {
            _ = try current()
            note(recent.map { ($0.row, $0.usedAt) }, at: now)
            return recent.map(\.encoding)
        }
        let version = recent.version
        let model = Data(fingerprint)
        let (path, logger) = (path, logger)
        let found = try await read { db in
            try keys.map { key -> (CachedEncoding, row: Int64, usedAt: Int64)? in
                let found: (CachedEncoding, row: Int64, usedAt: Int64)?
                do {
                    found = try EncodingTable.find(
                        key, fingerprint: model, kind: kind, path: path, in: db)
                } catch let error as StoreError {
                    // It can be made anew, and the others are not damaged.
                    guard case .damagedRow = error else { throw error }
                    logger.error("a kept encoding is not used: \(error)")
                    return nil
                }
                guard let found, let life else { return found }
                return life.contains(found.0) ? found : nil
            }
        }
        note(found.map { $0.map { ($0.row, $0.usedAt) } }, at: now)
        let entries = zip(keys, found).compactMap { key, found in
            found.map { encoding, row, usedAt in
                (key, RecentEncodings.Entry(encoding: encoding, row: row, usedAt: usedAt))
            }
        }
        recent.insert(entries, model: fingerprint, kind: kind, version: version)
        return found.map { $0?.0 }
    }

    /// Counts hits and misses, and the uses of rows.
    private func note(_ rows: [(row: Int64, usedAt: Int64)?], at now: Double) {
        guard use.note(rows, now: Int64(now)) else { return }
        // Nobody waits for it; should it fail, a later one brings the same.
        Task { [self] in
            do {
                try await write(.written) { [use] in try use.flush($0) }
            } catch {
                use.noteFailure(now: Int64(now))
            }
        }
    }

    /// Keeps the entries, in the place of those that are there under the same key, model and kind.
    /// Returns once they outlive this process, which no sync of the disk is waited for: what a failing
    /// machine takes with it can be made again. Throws when none of them was kept. Goes through to its
    /// end even when the caller's task is cancelled.
    /// - Parameter fingerprint: the model's, 32 bytes.
    package func keep(
        _ entries: [(CacheKey, CachedEncoding)], fingerprint: [UInt8]
    ) async throws(StoreError) {
        precondition(fingerprint.count == CacheKey.byteCount)
        if entries.isEmpty {
            _ = try current()
            return
        }
        let model = Data(fingerprint)
        let now = Int64(options.clock().timeIntervalSince1970)
        let bytes = entries.reduce(0) { $0 + $1.1.payload.count + 256 }
        try await write(makingRoomFor: bytes, .written) { db in
            let model = try EncodingTable.model(model, in: db)
            for (key, encoding) in entries {
                try EncodingTable.write(encoding, key: key, model: model, usedAt: now, in: db)
            }
        }
        recent.remove(entries.map { ($0.0, $0.1.kind) }, model: fingerprint)
    }
}
