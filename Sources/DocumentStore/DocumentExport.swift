import Foundation
import GRDB
import Logging
import Synchronization

extension EncodingStore {
    /// All documents, or those that pass the filter, as they are at this moment, whatever is
    /// written while they are read. The snapshot holds the log back from being emptied: read on, or
    /// close it. One that holds too much of it for too long is ended, see `StoreOptions.exportAge`.
    /// - Parameters:
    ///   - model: the fingerprint of the model whose encodings are read; nil is each document's newest.
    ///   - orNewest: whether the newest is read where that model has none.
    package func export(
        where filter: MetadataFilter? = nil, parts: DocumentParts, model: [UInt8]? = nil,
        orNewest: Bool = false
    ) async throws(StoreError) -> DocumentExport {
        _ = try current()
        do {
            let export = try await DocumentExport(
                path: path, filter: filter, options: options, logger: logger
            ) { [path] db in
                try DocumentReader(
                    db, path: path, parts: parts, fingerprint: model, orNewest: orNewest)
            }
            exports.add(export)
            return export
        } catch {
            throw noted(StoreError(error, path: path))
        }
    }
}

/// A consistent snapshot of documents, read piece by piece on a connection of its own.
package final class DocumentExport: Sendable {
    /// Some documents, in the order of their ids.
    package struct Piece: Sendable {
        /// Those that are whole.
        package var documents: [StoredDocument] = []
        /// The id of the last one, where the next piece begins, one that was left out among them; nil at
        /// the end.
        package var last: String?
    }

    private let queue: DatabaseQueue
    private let path: String
    private let isFiltered: Bool
    private let options: StoreOptions
    private let logger: Logger
    private let begin = ContinuousClock.now
    /// Why its snapshot was given up.
    private let end = Mutex<StoreError?>(nil)
    private let reader: @Sendable (Database) throws -> DocumentReader
    private let damaged = Mutex(0)

    /// How many documents were left out so far, because what is kept of them is damaged: the log names
    /// each.
    package var damagedCount: Int { damaged.withLock { $0 } }

    /// How many documents `next` answers at once.
    private static let pieceCount = 64

    init(
        path: String, filter: MetadataFilter?, options: StoreOptions, logger: Logger,
        reader: @escaping @Sendable (Database) throws -> DocumentReader
    ) async throws {
        self.path = path
        self.options = options
        self.logger = logger
        self.reader = reader
        isFiltered = filter != nil
        var configuration = Configuration()
        configuration.label = "export"
        configuration.readonly = true
        configuration.busyMode = .timeout(options.busyTimeout)
        // The transaction goes on from call to call.
        configuration.allowsUnsafeTransactions = true
        queue = try DatabaseQueue(path: path, configuration: configuration)
        try await queue.writeWithoutTransaction { db in
            try db.beginTransaction(.deferred)
            // A snapshot begins with the first read.
            _ = try Int.fetchOne(db, sql: "SELECT count(*) FROM model")
            if let filter { try Self.gather(filter, in: db) }
        }
    }

    deinit { try? queue.close() }

    /// Gives the snapshot up if it is old and the log has become large: the disk would fill up behind a
    /// reader that is too slow. What is read later fails.
    func endIfItHoldsTooMuch() {
        let age = ContinuousClock.now - begin
        guard age >= .seconds(options.exportAge) else { return }
        let bytes = StoreStatistics.size(ofFileAt: path + "-wal")
        guard bytes > options.exportLogBytes else { return }
        let error = StoreError.other(
            path: path,
            detail:
                "an export was ended: it was read for \(age.components.seconds) seconds and held "
                + "\(bytes) bytes of the log back")
        let isFirst = end.withLock { end in
            defer { end = end ?? error }
            return end == nil
        }
        guard isFirst else { return }
        logger.warning("\(error)")
        queue.asyncWriteWithoutTransaction { db in try? db.rollback() }
    }

    /// Notes once, in a table of the connection's own, which documents pass: each piece is then a step
    /// along it and not a search of all of them.
    static func gather(_ filter: MetadataFilter, in db: Database) throws {
        try db.execute(
            sql: """
                CREATE TEMP TABLE passing (name TEXT PRIMARY KEY, id INTEGER NOT NULL) WITHOUT ROWID
                """)
        var sql = Fragment(
            sql: "INSERT INTO passing (name, id) SELECT d.name, d.id FROM document AS d WHERE ")
        sql.append(filter.condition(on: "d.id"))
        sql.append(Fragment(sql: " ORDER BY d.name"))
        try db.execute(sql: sql.sql, arguments: sql.arguments)
    }

    /// How many documents there are in all.
    package func count() async throws(StoreError) -> Int {
        let table = isFiltered ? "passing" : "document"
        return try await onQueue { db in
            try Int.fetchOne(db, sql: "SELECT count(*) FROM \(table)") ?? 0
        }
    }

    /// The next documents by their ids, a few megabytes at most, without those that are damaged.
    /// - Parameter id: the last of the piece before; nil starts.
    package func next(after id: String?) async throws(StoreError) -> Piece {
        // Another process may be the one that writes.
        endIfItHoldsTooMuch()
        let sql = Self.piece(after: id, isFiltered: isFiltered)
        return try await onQueue { [self] db in
            let reader = try reader(db)
            let rows = try Row.fetchCursor(db, sql: sql.sql, arguments: sql.arguments)
            var piece = Piece()
            var bytes = 0
            while bytes < StoredDocument.readingLimit, let row = try rows.next() {
                // Bytes would be read as a text, and come behind all of them.
                guard case .string(let name) = (row[1] as DatabaseValue).storage,
                    // A damaged name could be met again and again.
                    (piece.last ?? id)?.utf8.lexicographicallyPrecedes(name.utf8) ?? true
                else {
                    throw StoreError.damagedRow(path: path, detail: "documents are not in order")
                }
                piece.last = name
                do {
                    let document = try reader.document(row)
                    bytes += document.estimatedBytes
                    piece.documents.append(document)
                } catch let error as StoreError {
                    guard case .damagedRow = error else { throw error }
                    damaged.withLock { $0 += 1 }
                    logger.error("left out of an export: \(error)")
                }
            }
            return piece
        }
    }

    /// The rows of a piece, which either table's order leads to.
    static func piece(after id: String?, isFiltered: Bool) -> Fragment {
        let (tables, name) =
            isFiltered
            ? ("passing AS p CROSS JOIN document AS d ON d.id = p.id", "p.name")
            : ("document AS d", "d.name")
        var sql = Fragment(sql: "SELECT \(DocumentReader.columns) FROM \(tables)")
        if let id { sql.append(Fragment(sql: " WHERE \(name) > ?", values: [id])) }
        sql.append(Fragment(sql: " ORDER BY \(name) LIMIT ?", values: [pieceCount]))
        return sql
    }

    private func onQueue<T: Sendable>(
        _ body: @escaping @Sendable (Database) throws -> T
    ) async throws(StoreError) -> T {
        do {
            return try await queue.writeWithoutTransaction { [self] db in
                if let end = end.withLock({ $0 }) { throw end }
                return try body(db)
            }
        } catch {
            throw StoreError(error, path: path)
        }
    }
}

/// The exports of a store that are being read.
final class OpenExports: Sendable {
    private struct Reference: Sendable {
        weak var export: DocumentExport?
    }

    private let references = Mutex<[Reference]>([])

    func add(_ export: DocumentExport) {
        references.withLock { references in
            references.removeAll { $0.export == nil }
            references.append(Reference(export: export))
        }
    }

    /// Ends those that are old while the log is large; to be called after writes, which make it so.
    func endThoseThatHoldTooMuch() {
        let open = references.withLock { $0.compactMap(\.export) }
        for export in open { export.endIfItHoldsTooMuch() }
    }
}
