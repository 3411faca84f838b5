import Foundation
import Synchronization

/// The cached encodings that were answered last, in memory: a hit then needs neither SQLite nor
/// another thread. It answers what the file would, apart from what another process has changed
/// there since; the numbers under a key are the same whoever made them.
///
/// Two generations bound it: what is used moves to the young one; when that holds half of the bytes,
/// it becomes the old one, and what was in there, unused since, is forgotten.
final class RecentEncodings: Sendable {
    /// An encoding and its row in the file.
    struct Entry: Sendable {
        let encoding: CachedEncoding
        let row: Int64
        /// When the file says that it was used, seconds since 1970.
        let usedAt: Int64
    }

    private struct Key: Hashable, Sendable {
        let key: CacheKey
        let model: [UInt8]
        let kind: EncodingKind

        /// The key is a digest: eight bytes of it tell keys apart.
        func hash(into hasher: inout Hasher) {
            key.bytes.withUnsafeBytes { hasher.combine($0.loadUnaligned(as: UInt64.self)) }
        }
    }

    private struct State: Sendable {
        var young: [Key: Entry] = [:]
        var old: [Key: Entry] = [:]
        var youngBytes = 0
        var version: UInt64 = 0

        /// The entry, which moves to the young ones.
        mutating func use(_ key: Key, halfOfBytes: Int) -> Entry? {
            if let entry = young[key] { return entry }
            guard let entry = old.removeValue(forKey: key) else { return nil }
            add(entry, under: key, halfOfBytes: halfOfBytes)
            return entry
        }

        mutating func add(_ entry: Entry, under key: Key, halfOfBytes: Int) {
            let bytes = RecentEncodings.bytes(of: entry)
            if youngBytes + bytes > halfOfBytes {
                old = young
                young = [:]
                youngBytes = 0
            }
            if let replaced = young.updateValue(entry, forKey: key) {
                youngBytes -= RecentEncodings.bytes(of: replaced)
            }
            youngBytes += bytes
        }
    }

    private let halfOfBytes: Int
    private let state = Mutex(State())

    /// Holds up to `maximumBytes`; 0 holds nothing.
    init(maximumBytes: Int) { halfOfBytes = maximumBytes / 2 }

    /// Counts the changes of the file; to be read before the file is, for `insert`.
    var version: UInt64 { state.withLock { $0.version } }

    /// Entries held now.
    var count: Int { state.withLock { $0.young.count + $0.old.count } }

    /// The payload, and about what keys and tables take.
    private static func bytes(of entry: Entry) -> Int { entry.encoding.payload.count + 400 }

    /// All of the entries, or nil when one of them is not here.
    /// - Parameter life: entries made at other times are not answered; nil is at any.
    func find(
        _ keys: [CacheKey], model: [UInt8], kind: EncodingKind, life: CacheLife?
    ) -> [Entry]? {
        if halfOfBytes == 0 { return nil }
        return state.withLock { state in
            var found: [Entry] = []
            found.reserveCapacity(keys.count)
            for key in keys {
                let key = Key(key: key, model: model, kind: kind)
                guard let entry = state.use(key, halfOfBytes: halfOfBytes) else { return nil }
                if let life, !life.contains(entry.encoding) { return nil }
                found.append(entry)
            }
            return found
        }
    }

    /// Keeps what was read from the file, unless the file has changed since `version`.
    func insert(
        _ entries: [(CacheKey, Entry)], model: [UInt8], kind: EncodingKind, version: UInt64
    ) {
        state.withLock { state in
            guard state.version == version else { return }
            for (key, entry) in entries where Self.bytes(of: entry) <= halfOfBytes {
                state.add(
                    entry, under: Key(key: key, model: model, kind: kind),
                    halfOfBytes: halfOfBytes)
            }
        }
    }

    /// Forgets what the file has replaced.
    func remove(_ keys: [(CacheKey, EncodingKind)], model: [UInt8]) {
        state.withLock { state in
            state.version += 1
            for (key, kind) in keys {
                let key = Key(key: key, model: model, kind: kind)
                state.old[key] = nil
                if let removed = state.young.removeValue(forKey: key) {
                    state.youngBytes -= Self.bytes(of: removed)
                }
            }
        }
    }

    /// Forgets everything: some of it is not in the file any more.
    func removeAll() {
        state.withLock { state in
            let version = state.version + 1
            state = State()
            state.version = version
        }
    }
}
