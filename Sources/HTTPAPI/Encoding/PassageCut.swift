import Serving

/// One way to cut a text into passages, as a request says it. Every route reads it here.
package struct PassageCut {
    /// The names that requests and answers use.
    package static let names = ["document", "sentence", "paragraph", "line", "tokens", "spans"]

    /// Says that a name is none of these.
    package static func refusal(of name: String) -> String {
        "expected \(names.dropLast().joined(separator: ", ")) or spans, got "
            + "\"\(name.prefix(100))\""
    }

    /// The most spans that one request may name, of all its texts together.
    static let maximumSpans = 16_384

    /// One of ``names``.
    let name: String
    /// Of `tokens`: how many each passage has, and how many of them lie in the one before.
    var size: Int?
    var overlap: Int?
    /// Of `spans`: the caller's own, each [start, end].
    var spans: [[Int]]?
    /// Of `sentence`: whether a single line end is a space.
    var joinLines: Bool?

    /// The granularity; throws where it makes no sense.
    /// - Parameters:
    ///   - field: what the request calls the name.
    ///   - details: what stands before the names of the details.
    ///   - place: what it calls the spans, where that is another than their name.
    func granularity(
        field: String, details: String = "", place: String? = nil
    ) throws(APIError) -> Granularity {
        switch name {
        case "document": return .document
        case "sentence": return joinLines ?? false ? .sentenceAcrossLines : .sentence
        case "paragraph": return .paragraph
        case "line": return .line
        case "tokens":
            let size = size ?? 256
            let overlap = overlap ?? 0
            guard size >= 1 else {
                throw .validation(field: details + "size", "expected 1 or more, got \(size)")
            }
            guard (0..<size).contains(overlap) else {
                throw .validation(
                    field: details + "overlap", "expected 0 to \(size - 1), got \(overlap)")
            }
            return .tokens(size: size, overlap: overlap)
        case "spans":
            let place = place ?? details + "spans"
            guard let spans else { throw .validation(field: place, "is missing") }
            return .spans(try Self.ranges(spans, field: place))
        default:
            throw .validation(field: field, Self.refusal(of: name))
        }
    }

    private static func ranges(
        _ spans: [[Int]], field: String
    ) throws(APIError) -> [Range<Int>] {
        if spans.count > maximumSpans {
            throw .tooMany(field: field, count: spans.count, limit: maximumSpans)
        }
        var ranges: [Range<Int>] = []
        for (index, span) in spans.enumerated() {
            guard span.count == 2, span[0] >= 0, span[0] < span[1] else {
                throw .validation(
                    field: "\(field)[\(index)]",
                    "expected [start, end] with 0 <= start < end, got \(span.prefix(4))")
            }
            ranges.append(span[0]..<span[1])
        }
        return ranges
    }

    /// Adds a granularity to those before it. The same one again adds nothing; another of the same name
    /// could not be told from the first in an answer, and throws.
    static func add(
        _ granularity: Granularity, to granularities: inout [Granularity], field: String
    ) throws(APIError) {
        if granularities.contains(granularity) { return }
        if granularities.contains(where: { $0.name == granularity.name }) {
            throw .validation(field: field, "names \(granularity.name) twice, with other details")
        }
        granularities.append(granularity)
    }

    /// Throws for a span that does not end within a text of `length` characters.
    static func check(
        _ granularities: [Granularity], length: Int, field: String
    ) throws(APIError) {
        for granularity in granularities {
            guard let index = granularity.firstSpan(outside: length) else { continue }
            throw .validation(
                field: "\(field)[\(index)]", "does not end within the text's \(length) characters")
        }
    }
}

/// The members of a chunk route's body that say how texts are cut: `granularity` is a name or a list
/// of names, and the details are theirs.
struct PassageFields: Decodable {
    let granularity: OneOrMany<String>?
    let size: Int?
    let overlap: Int?
    let joinLines: Bool?
    /// How passages are pooled; nil is as the model does it.
    let pooling: PoolingName?
    let returnText: Bool?

    /// The granularities, in order, for a text with these spans.
    /// - Parameter place: what the request calls the spans.
    func granularities(
        spans: [[Int]]?, place: String = "spans"
    ) throws(APIError) -> [Granularity] {
        let names = granularity?.items ?? [spans == nil ? "sentence" : "spans"]
        if names.isEmpty { throw .validation(field: "granularity", "cannot be empty") }
        if names.count > PassageCut.names.count {
            throw .tooMany(field: "granularity", count: names.count, limit: PassageCut.names.count)
        }
        if spans != nil, !names.contains("spans") {
            throw .validation(field: "spans", "needs the granularity \"spans\"")
        }
        var granularities: [Granularity] = []
        for name in names {
            let cut = PassageCut(
                name: name, size: size, overlap: overlap, spans: spans, joinLines: joinLines)
            try PassageCut.add(
                cut.granularity(field: "granularity", place: place), to: &granularities,
                field: "granularity")
        }
        return granularities
    }
}

/// A pooling by the name that `--pooling` takes.
struct PoolingName: Decodable {
    let pooling: Pooling

    init(from decoder: any Decoder) throws { pooling = try NamedValue.decode(from: decoder) }
}
