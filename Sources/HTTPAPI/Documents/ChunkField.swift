import Serving

/// The `chunk` of a document: the name of a granularity, an object with its details, or a list of
/// these.
struct ChunkField: Decodable {
    private struct Entry: Decodable {
        let cut: PassageCut
        /// Whether it was an object, whose members have names of their own.
        let isObject: Bool

        private enum Key: String, CodingKey {
            case granularity, size, overlap, spans, joinLines
        }

        init(from decoder: any Decoder) throws {
            if let name = try? decoder.singleValueContainer().decode(String.self) {
                cut = PassageCut(name: name)
                isObject = false
                return
            }
            isObject = true
            let container = try decoder.container(keyedBy: Key.self)
            let spans = try container.decodeIfPresent([[Int]].self, forKey: .spans)
            cut = PassageCut(
                name: try container.decodeIfPresent(String.self, forKey: .granularity)
                    ?? (spans == nil ? "tokens" : "spans"),
                size: try container.decodeIfPresent(Int.self, forKey: .size),
                overlap: try container.decodeIfPresent(Int.self, forKey: .overlap), spans: spans,
                joinLines: try container.decodeIfPresent(Bool.self, forKey: .joinLines))
        }
    }

    private let entries: [Entry]

    init(from decoder: any Decoder) throws {
        entries = try OneOrMany<Entry>(from: decoder).items
    }

    /// The granularities for `text`; throws for one that makes no sense.
    func granularities(of text: String, field: String) throws(APIError) -> [Granularity] {
        var result: [Granularity] = []
        for entry in entries {
            let granularity = try entry.cut.granularity(
                field: entry.isObject ? "\(field).granularity" : field, details: "\(field).")
            try PassageCut.add(granularity, to: &result, field: field)
        }
        if result.contains(where: { $0.name == "spans" }) {
            try PassageCut.check(
                result, length: text.unicodeScalars.count, field: "\(field).spans")
        }
        return result
    }
}
