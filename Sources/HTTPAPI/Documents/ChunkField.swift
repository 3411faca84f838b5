import Serving

/// The `chunk` of a document: the name of a granularity, an object with its details, or a list of
/// these.
struct ChunkField: Decodable {
    struct Entry: Decodable {
        let granularity: String
        let size: Int?
        let overlap: Int?
        let spans: [[Int]]?

        private enum Key: String, CodingKey {
            case granularity, size, overlap, spans
        }

        init(_ granularity: String, size: Int?, overlap: Int?, spans: [[Int]]?) {
            self.granularity = granularity
            self.size = size
            self.overlap = overlap
            self.spans = spans
        }

        init(from decoder: any Decoder) throws {
            if let name = try? decoder.singleValueContainer().decode(String.self) {
                granularity = name
                size = nil
                overlap = nil
                spans = nil
                return
            }
            let container = try decoder.container(keyedBy: Key.self)
            size = try container.decodeIfPresent(Int.self, forKey: .size)
            overlap = try container.decodeIfPresent(Int.self, forKey: .overlap)
            spans = try container.decodeIfPresent([[Int]].self, forKey: .spans)
            granularity =
                try container.decodeIfPresent(String.self, forKey: .granularity)
                ?? (spans == nil ? "tokens" : "spans")
        }
    }

    let entries: [Entry]

    init(_ entries: [Entry]) { self.entries = entries }

    init(from decoder: any Decoder) throws {
        entries = try OneOrMany<Entry>(from: decoder).items
    }

    /// The most passages that a caller may name.
    static let maximumSpans = 100_000

    /// The granularities; throws for one that makes no sense.
    func granularities(field: String) throws(APIError) -> [Granularity] {
        var result: [Granularity] = []
        for entry in entries {
            let granularity = try Self.granularity(entry, field: field)
            if result.contains(where: { $0.name == granularity.name }) {
                throw .validation(field: field, "names \(granularity.name) twice")
            }
            result.append(granularity)
        }
        return result
    }

    private static func granularity(
        _ entry: Entry, field: String
    ) throws(APIError) -> Granularity {
        switch entry.granularity {
        case "sentence": return .sentence
        case "paragraph": return .paragraph
        case "line": return .line
        case "tokens":
            let size = entry.size ?? 256
            let overlap = entry.overlap ?? 0
            guard size >= 1 else {
                throw .validation(field: "\(field).size", "expected 1 or more, got \(size)")
            }
            guard (0..<size).contains(overlap) else {
                throw .validation(
                    field: "\(field).overlap", "expected 0 to \(size - 1), got \(overlap)")
            }
            return .tokens(size: size, overlap: overlap)
        case "spans":
            guard let spans = entry.spans else {
                throw .validation(field: "\(field).spans", "is missing")
            }
            if spans.count > maximumSpans {
                throw .validation(
                    field: "\(field).spans",
                    "has \(spans.count) entries; at most \(maximumSpans) are allowed")
            }
            var ranges: [Range<Int>] = []
            for (index, span) in spans.enumerated() {
                guard span.count == 2, span[0] >= 0, span[0] < span[1] else {
                    throw .validation(
                        field: "\(field).spans[\(index)]",
                        "expected [start, end] with 0 <= start < end, got \(span.prefix(4))")
                }
                ranges.append(span[0]..<span[1])
            }
            return .spans(ranges)
        default:
            throw .validation(
                field: field,
                "expected sentence, paragraph, line, tokens or spans, got "
                    + "\"\(entry.granularity.prefix(100))\"")
        }
    }
}
