package import DocumentStore
package import HTTPServer
package import Serving
import Tokenization

/// Documents as JSON lines, for the routes and for the commands alike.
package enum DocumentLines {
    /// What an export carries.
    package static let exportedParts: DocumentParts = [.text, .metadata, .vector, .passages]

    /// Reads documents from `body` to its end and writes a result for each line, then a summary; answers
    /// whether all of them are kept.
    /// - Parameters:
    ///   - maximumLineBytes: longer lines are errors.
    ///   - reportsAll: whether lines that went well get a result, too.
    package static func read(
        _ body: RequestBody, into documents: DocumentService, maximumLineBytes: Int,
        reportsAll: Bool, to writer: BodyWriter
    ) async throws -> Bool {
        let work = DocumentImport(
            documents: documents, settings: APISettings(version: "", started: 0),
            maximumLineBytes: maximumLineBytes, reportsAll: reportsAll, namesFiles: true,
            checkReadiness: { () throws(APIError) in })
        return try await work.run(body, to: writer)
    }

    /// A store's statistics as `GET /store` answers them.
    package static func text(of statistics: StoreStatistics) -> String {
        var json = JSONWriter()
        json.object { $0.members(of: statistics) }
        return String(decoding: json.bytes, as: UTF8.self)
    }

    /// Writes a snapshot, a line a document; a slow reader holds it back. Answers how many documents were
    /// left out for being damaged.
    package static func write(
        _ export: DocumentExport, to writer: BodyWriter
    ) async throws -> Int {
        var last: String?
        while true {
            let piece = try await export.next(after: last)
            guard let end = piece.last else { return export.damagedCount }
            last = end
            var lines: [UInt8] = []
            for document in piece.documents {
                var json = JSONWriter(capacity: 1 << 14)
                json.object { json in
                    json.members(of: document, passageText: false)
                    if let encoding = document.encoding {
                        json.options(DocumentOptions(encoding.options))
                        if encoding.tokensUsed < encoding.tokens {
                            json.key("truncate")
                            json.bool(true)
                        }
                    }
                }
                lines += json.bytes
                lines.append(0x0A)
            }
            try await writer.write(lines)
        }
    }
}

extension JSONWriter {
    /// What a document was put with, so that a line that is imported again asks for the same.
    fileprivate mutating func options(_ options: DocumentOptions) {
        if !options.granularities.isEmpty {
            key("chunk")
            array { writer in
                for granularity in options.granularities { writer.granularity(granularity) }
            }
        }
        key("keep_states")
        string(options.states?.rawValue ?? "none")
        if options.truncationSide != .right {
            key("truncation_direction")
            string(options.truncationSide.rawValue)
        }
        if let windows = options.windows {
            key("long")
            string("windows")
            if let overlap = windows.overlap {
                key("window_overlap")
                number(overlap)
            }
        }
        if let name = options.promptName {
            key("prompt_name")
            string(name)
        }
    }

    private mutating func granularity(_ granularity: Granularity) {
        object { writer in
            writer.key("granularity")
            writer.string(granularity.name)
            switch granularity {
            case .sentenceAcrossLines:
                writer.key("join_lines")
                writer.bool(true)
            case .tokens(let size, let overlap):
                writer.key("size")
                writer.number(size)
                writer.key("overlap")
                writer.number(overlap)
            case .spans(let spans):
                writer.key("spans")
                writer.array { writer in
                    for span in spans {
                        writer.array { writer in
                            writer.number(span.lowerBound)
                            writer.number(span.upperBound)
                        }
                    }
                }
            default: break
            }
        }
    }
}
