import BiGSModel
import Crypto
import DocumentStore
import Foundation
import Logging
import Synchronization

/// What is looked up and kept of encodings.
extension EncodingService {
    /// SHA-256 over the model's fingerprint, the kind of answer, the tokens, and which of them pooling
    /// leaves out: what decides the numbers, and nothing else.
    func key(_ text: PreparedText, _ kind: EncodingKind) -> CacheKey {
        var hash = SHA256()
        hash.update(data: loaded.fingerprint)
        hash.update(data: Array("\(kind.rawValue)\n\(text.sequence.ids.count)\n".utf8))
        // The same tokens may come of a text alone, or of a prompt and a text.
        if text.unpooled > 0 { hash.update(data: Array("unpooled \(text.unpooled)\n".utf8)) }
        // Padding may be the caller's own tokens, too, which are pooled.
        let unpadded = text.sequence.attentionMask.flatMap { $0.lastIndex(of: 1) }
        if let unpadded, unpadded + 1 < text.sequence.ids.count {
            hash.update(data: Array("unpadded \(unpadded + 1)\n".utf8))
        }
        text.sequence.ids.withUnsafeBytes { hash.update(bufferPointer: $0) }
        text.sequence.typeIDs?.withUnsafeBytes { hash.update(bufferPointer: $0) }
        guard let key = CacheKey(bytes: Array(hash.finalize())) else {
            preconditionFailure("SHA-256 gives \(CacheKey.byteCount) bytes")
        }
        return key
    }

    /// What is kept and fresh enough for `policy`.
    func lookup(
        _ keys: [CacheKey], _ kind: EncodingKind, _ policy: CachePolicy
    ) async -> [CacheKey: CachedEncoding] {
        guard let store else { return [:] }
        do {
            let found = try await store.lookup(keys, model: loaded.fingerprint, kind: kind)
            let earliest = policy.maximumAge.map { Date.now.addingTimeInterval(-Double($0)) }
            var fresh: [CacheKey: CachedEncoding] = [:]
            for case (let key, let encoding?) in zip(keys, found) {
                if let earliest, encoding.createdAt < earliest { continue }
                fresh[key] = encoding
            }
            return fresh
        } catch {
            report(error)
            return [:]
        }
    }

    func keep(
        _ indices: [Int], _ keys: [CacheKey], _ texts: [PreparedText], _ vectors: [[Float]],
        _ kind: EncodingKind
    ) async {
        guard let store else { return }
        let now = Date(timeIntervalSince1970: Date.now.timeIntervalSince1970.rounded(.down))
        let entries: [(CacheKey, CachedEncoding)] = zip(indices, vectors).map { index, vector in
            (
                keys[index],
                CachedEncoding(
                    payload: [UInt8](VectorBytes.data(vector)), kind: kind,
                    tokens: texts[index].usage.tokens,
                    tokensUsed: texts[index].usage.tokensUsed, createdAt: now)
            )
        }
        let held = entries.reduce(0) { $0 + $1.1.payload.count }
        let isBegun = await writes.perform(bytes: held) { [self] in
            await write(entries, to: store)
        }
        if !isBegun { report(.other(path: store.path, detail: "too many writes are waiting")) }
    }

    private func write(_ entries: [(CacheKey, CachedEncoding)], to store: EncodingStore) async {
        do {
            try await store.keep(entries, fingerprint: loaded.fingerprint)
            storeTrouble.withLock { $0 = nil }
        } catch {
            report(error)
        }
    }

    /// The answer is right whether or not it could be kept, so trouble with the store is told in
    /// the log, once for each change, and the service goes on without it.
    private func report(_ error: StoreError) {
        // Who left, or had no more time, says nothing about the store.
        if case .cancelled = error { return }
        let text = "\(error)"
        let isNew = storeTrouble.withLock { trouble in
            defer { trouble = text }
            return trouble != text
        }
        if isNew { logger.warning("encodings are not being kept: \(text)") }
    }
}
