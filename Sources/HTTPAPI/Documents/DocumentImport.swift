import DocumentStore
import Foundation
import HTTPServer
import Serving
import Synchronization

/// `POST /documents/import`: documents line by line in, results line by line out, while reading.
///
/// A result is written once its document is on the disk. Lines that came meanwhile make the next
/// group, so that one line alone is answered at once and many share a pass and a transaction. What is
/// held is bounded: a reader that is ahead waits, and so does its client.
struct DocumentImport: Sendable {
    let documents: DocumentService
    let settings: APISettings
    /// Longer lines are errors.
    let maximumLineBytes: Int
    /// Whether lines that went well get a result, too.
    let reportsAll: Bool
    /// Whether trouble with the store is told in full, files included: to a command's user, not to a
    /// client of a server, which has a log for that.
    var namesFiles = false
    /// What the cache may do for all lines.
    var cache = CachePolicy()
    /// The request's part of the memory for bodies, which long lines take theirs of; nil is no bound.
    var share: SharedBudget.Share?
    /// For how long a group waits for another process that holds the store's file.
    var lockPatience = Duration.seconds(60)
    /// Told what each group took.
    var note: @Sendable (EncodingResult) -> Void = { _ in }
    /// Throws when no new work is to be begun.
    let checkReadiness: @Sendable () throws(APIError) -> Void

    /// The most lines and bytes in one group.
    private static let groupLines = 256
    private static let groupBytes = 1 << 18

    /// Why an import ends before its last line.
    private struct Stop: Error {
        let reason: APIError
    }

    /// Why the body could not be read to its end.
    private final class Broken: Sendable {
        private let state = Mutex<(any Error)?>(nil)
        var error: (any Error)? { state.withLock { $0 } }
        func note(_ error: any Error) { state.withLock { $0 = error } }
    }

    private struct Counts {
        var lines = 0
        var outcomes: [DocumentReceipt.Outcome: Int] = [:]
        var errors = 0
    }

    /// Reads `body` to its end; answers whether all of its documents are kept. Throws when the client
    /// cannot be written to any more, or when the body breaks off before anything was answered: then the
    /// protocol has an answer of its own.
    @discardableResult
    func run(_ body: RequestBody, to writer: BodyWriter) async throws -> Bool {
        let queue = LineQueue(capacity: Self.groupBytes)
        let broken = Broken()
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                do { try await read(body, into: queue) } catch { broken.note(error) }
                queue.end()
            }
            defer {
                queue.end()
                group.cancelAll()
            }
            var counts = Counts()
            var stop: APIError?
            while stop == nil {
                let lines = await queue.take(atMost: Self.groupLines, bytes: Self.groupBytes)
                if lines.isEmpty { break }
                try Task.checkCancellation()
                do {
                    try checkReadiness()
                    for part in try await parts(lines) { try await keep(part, &counts, writer) }
                } catch let error as APIError {
                    stop = error
                } catch let error as Stop {
                    stop = error.reason
                }
            }
            if stop == nil, let error = broken.error {
                guard counts.lines > 0, let error = error as? RequestBodyError else { throw error }
                switch error {
                case .timeout: stop = .timeout
                case .malformed, .tooLarge: stop = .malformed("the body ended early")
                case .disconnected: throw error
                }
            }
            try await writer.write(summary(counts, stop))
            return stop == nil && counts.errors == 0
        }
    }

    private func read(_ body: RequestBody, into queue: LineQueue) async throws {
        var splitter = LineSplitter(limit: maximumLineBytes) { bytes in
            guard let share else { return true }
            if bytes > 0 { return share.take(bytes) }
            share.giveBack(-bytes)
            return true
        }
        for try await piece in body {
            await queue.add(splitter.append(piece))
            try Task.checkCancellation()
        }
        if let last = splitter.finish() { await queue.add([last]) }
    }

    /// A line that was read, and its document, or why there is none.
    private struct Parsed {
        let line: LineSplitter.Line
        /// The id that it has, if any: also of one that is refused, as far as it can be read.
        let id: String?
        let document: Result<NewDocument, APIError>
    }

    private func parse(_ line: LineSplitter.Line) -> Parsed {
        switch line {
        case .tooLong:
            return Parsed(
                line: line, id: nil,
                document: .failure(.payloadTooLarge(limit: maximumLineBytes, of: "the line")))
        case .noRoom:
            return Parsed(
                line: line, id: nil, document: .failure(.bodiesFull(share?.budget.limit ?? 0)))
        case .bytes(let bytes, _):
            do throws(APIError) {
                let body = try RequestBodyDecoder.decode(
                    DocumentBody.self, from: bytes, called: "line", within: share?.budget)
                try check(model: body.model)
                return Parsed(
                    line: line, id: body.id?.text,
                    document: .success(
                        try body.draft(isExported: true, settings: settings, cache: cache)))
            } catch {
                var id: String?
                if case .validation = error { id = self.id(of: bytes) }
                return Parsed(line: line, id: id, document: .failure(error))
            }
        }
    }

    /// The id of a line that is JSON, whatever else is wrong with it; nil for one that is too long to be
    /// an id.
    private func id(of bytes: [UInt8]) -> String? {
        struct Body: Decodable {
            let id: DocumentID?
        }
        let body = try? RequestBodyDecoder.decode(
            Body.self, from: bytes, called: "line", within: share?.budget)
        return body?.id.flatMap {
            $0.text.utf8.count <= DocumentDraft.maximumIDBytes ? $0.text : nil
        }
    }

    /// Refuses a line that asks for another model than the import's. What an export says of its vectors
    /// asks for none.
    private func check(model: String?) throws(APIError) {
        guard let model, !documents.model.isCalled(model), !Hexadecimal.isDigest(model) else {
            return
        }
        throw .validation(
            field: "model",
            "is \"\(model.prefix(200))\", but this import's is \"\(documents.model.name)\"")
    }

    /// Reads a group, and cuts it where an id comes again: the later line is to win.
    private func parts(_ lines: [LineSplitter.Line]) async throws(APIError) -> [[Parsed]] {
        let bytes = lines.reduce(0) { $0 + $1.byteCount }
        return try await LongWork.run(bytes: bytes) { () throws(APIError) in
            Self.parts(lines.map(parse))
        }
    }

    private static func parts(_ lines: [Parsed]) -> [[Parsed]] {
        var parts: [[Parsed]] = [[]]
        var ids: Set<[UInt8]> = []
        for line in lines {
            if case .success(let document) = line.document {
                let id = Array(document.effectiveID.utf8)
                if !ids.insert(id).inserted {
                    parts.append([])
                    ids = [id]
                }
            }
            parts[parts.count - 1].append(line)
        }
        return parts
    }

    /// Keeps what can be kept and writes the results.
    private func keep(_ lines: [Parsed], _ counts: inout Counts, _ writer: BodyWriter) async throws
    {
        let valid = lines.compactMap { try? $0.document.get() }
        var receipts = await put(valid)[...]
        var bytes: [UInt8] = []
        var stop: APIError?
        for parsed in lines {
            counts.lines += 1
            let result: Result<DocumentReceipt, APIError>
            switch parsed.document {
            case .failure(let error): result = .failure(error)
            case .success:
                result = (receipts.popFirst() ?? .failure(.storeUnavailable("no result")))
                    .mapError(APIError.document)
            }
            switch result {
            case .success(let receipt):
                counts.outcomes[receipt.outcome, default: 0] += 1
                if reportsAll { bytes += Self.line(parsed.line.number, receipt) }
            case .failure(let error):
                counts.errors += 1
                bytes += line(parsed.line.number, id: parsed.id, error)
                if error.endsImport { stop = stop ?? error }
                if case .document(let error) = error, let cause = error.causeOfInternal {
                    RequestContext.current?.record.failed(cause)
                }
            }
        }
        try await writer.write(bytes)
        if let stop { throw Stop(reason: stop) }
    }

    /// A full queue is no reason to give up, nor is another process that holds the file for a while: the
    /// client waits as it does for the reader.
    private func put(_ valid: [NewDocument]) async -> [Result<DocumentReceipt, DocumentError>] {
        var timings = EncodingResult.Timings()
        var results = await documents.put(valid, timings: &timings)
        let deadline = ContinuousClock.now + lockPatience
        while !Task.isCancelled {
            let waits = ContinuousClock.now < deadline
            let refused = results.indices.filter { index in
                switch results[index] {
                case .failure(.encoding(.overloaded)): true
                case .failure(.store(.locked)): waits
                default: false
                }
            }
            if refused.isEmpty { break }
            try? await Task.sleep(for: .milliseconds(250))
            let again = await documents.put(refused.map { valid[$0] }, timings: &timings)
            for (index, result) in zip(refused, again) { results[index] = result }
        }
        if !valid.isEmpty {
            note(EncodingResult(results.compactMap { try? $0.get() }, timings: timings))
        }
        return results
    }

    private static func line(_ number: Int, _ receipt: DocumentReceipt) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.key("line")
            writer.number(number)
            writer.members(of: receipt)
        }
        return writer.bytes + [0x0A]
    }

    private func line(_ number: Int, id: String?, _ error: APIError) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.key("line")
            writer.number(number)
            if let id {
                writer.key("id")
                writer.string(id)
            }
            writer.key("status")
            writer.string("error")
            self.members(of: error, &writer)
        }
        return writer.bytes + [0x0A]
    }

    private func members(of error: APIError, _ writer: inout JSONWriter) {
        let refused = Refused(error)
        writer.key("error")
        if namesFiles, case .document(let error) = error {
            writer.string(error.description)
        } else {
            writer.string(refused.message)
        }
        writer.key("error_type")
        writer.string(refused.type)
    }

    private func summary(_ counts: Counts, _ stop: APIError?) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.key("status")
            writer.string(stop == nil ? "done" : "stopped")
            writer.key("lines")
            writer.number(counts.lines)
            for outcome in DocumentReceipt.Outcome.allCases {
                writer.key(outcome.rawValue)
                writer.number(counts.outcomes[outcome] ?? 0)
            }
            writer.key("errors")
            writer.number(counts.errors)
            if let stop { members(of: stop, &writer) }
        }
        return writer.bytes + [0x0A]
    }
}

extension JSONWriter {
    /// What became of a document: the members of a result.
    mutating func members(of receipt: DocumentReceipt) {
        key("id")
        string(receipt.id)
        key("status")
        string(receipt.outcome.rawValue)
        guard let usage = receipt.usage else { return }
        tokens(usage)
    }
}

extension APIError {
    /// Whether the next line would fail in the same way.
    fileprivate var endsImport: Bool {
        switch self {
        case .document(.store(.invalid)): false
        case .document(.store), .document(.noStore), .document(.storeUnavailable): true
        case .document(.encoding(.shuttingDown)), .document(.encoding(.cancelled)): true
        default: false
        }
    }
}
