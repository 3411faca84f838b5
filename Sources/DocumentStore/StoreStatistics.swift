package import Foundation
import GRDB

/// What a store holds, and how it was used.
package struct StoreStatistics: Sendable, Equatable {
    /// How many cached encodings are kept.
    package var encodings: Int
    /// How many models the file knows.
    package var models: Int
    /// The bytes of all cached encodings' payloads together.
    package var payloadBytes: Int
    /// The bytes on the disk: the file and the write-ahead log beside it.
    package var fileBytes: Int
    /// The bytes inside the file that nothing uses; `compact` gives them back.
    package var freeBytes: Int
    /// When the oldest cached encoding was made; nil when there is none.
    package var oldest: Date?
    /// When the newest cached encoding was made; nil when there is none.
    package var newest: Date?
    /// How many documents there are.
    package var documents: Int
    /// How many passages have a vector.
    package var passages: Int
    /// How many documents have token states.
    package var documentsWithStates: Int
    /// When the document that was put first was put; nil when there is none.
    package var oldestDocument: Date?
    /// When a document last changed; nil when there is none.
    package var newestDocument: Date?
    /// How the text index tells words apart.
    package var textTokenizer: TextIndexTokenizer
    /// How many documents each model encoded, by fingerprint.
    package var documentsByModel: [[UInt8]: Int]
    /// How many keys were looked up and found, since the file was made.
    package var hits: Int
    /// How many keys were looked up and not found, since the file was made.
    package var misses: Int
    /// How many cached encodings were removed to make room or for their age, since the file was
    /// made.
    package var evictions: Int
}

extension EncodingStore {
    /// Counts what is kept; reads every row's header, so it takes longer the more there is.
    package func statistics() async throws(StoreError) -> StoreStatistics {
        let path = path
        let pending = use.pendingCounts
        var statistics = try await read { try StoreStatistics($0, path: path) }
        statistics.hits &+= Int(pending.hits)
        statistics.misses &+= Int(pending.misses)
        return statistics
    }
}

extension StoreStatistics {
    fileprivate init(_ db: Database, path: String) throws {
        func number(_ sql: String) throws -> Int { try Int.fetchOne(db, sql: sql) ?? 0 }
        func date(_ sql: String, milliseconds: Bool) throws -> Date? {
            guard let time = try Double.fetchOne(db, sql: sql) else { return nil }
            return Date(timeIntervalSince1970: milliseconds ? time / 1000 : time)
        }
        var byModel: [[UInt8]: Int] = [:]
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT m.fingerprint, count(*) FROM document_encoding AS e
                JOIN model AS m ON m.id = e.model_id GROUP BY e.model_id
                """)
        while let row = try rows.next() {
            if let fingerprint = Data.fromDatabaseValue(row[0]) {
                byModel[[UInt8](fingerprint)] = Int.fromDatabaseValue(row[1])
            }
        }
        self.init(
            encodings: try number("SELECT count(*) FROM encoding"),
            models: try number("SELECT count(*) FROM model"),
            payloadBytes: try number("SELECT coalesce(sum(length(payload)), 0) FROM encoding"),
            fileBytes: Self.size(ofStoreAt: path),
            freeBytes: try number("PRAGMA freelist_count") * number("PRAGMA page_size"),
            oldest: try date("SELECT min(created_at) FROM encoding", milliseconds: false),
            newest: try date("SELECT max(created_at) FROM encoding", milliseconds: false),
            documents: try number("SELECT count(*) FROM document"),
            passages: try number("SELECT count(*) FROM passage"),
            documentsWithStates: try number("SELECT count(*) FROM token_state"),
            oldestDocument: try date("SELECT min(created_at) FROM document", milliseconds: true),
            newestDocument: try date("SELECT max(updated_at) FROM document", milliseconds: true),
            textTokenizer: try TextIndexTokenizer(of: db) ?? .unicode61,
            documentsByModel: byModel,
            hits: Int(try Counter.hits.value(in: db)),
            misses: Int(try Counter.misses.value(in: db)),
            evictions: Int(try Counter.evictions.value(in: db)))
    }

    /// The bytes of the file and of the log beside it.
    static func size(ofStoreAt path: String) -> Int {
        size(ofFileAt: path) + size(ofFileAt: path + "-wal")
    }

    /// The bytes of a file; 0 where there is none.
    static func size(ofFileAt path: String) -> Int {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        return (attributes?[.size] as? NSNumber)?.intValue ?? 0
    }
}
