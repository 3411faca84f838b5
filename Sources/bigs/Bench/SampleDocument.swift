import DocumentStore
import Kernels

/// What a document of the measured store says of itself, the same each time: evenly spread and
/// skewed values, few and many different ones, and members that some documents lack.
struct SampleDocument {
    let row: Int
    /// 0 to 99, evenly.
    let part: Int
    /// 0 to 999, evenly; one document in twenty has none.
    let shelf: Int?
    /// 0 to 1, evenly and all different.
    let stamp: Double
    /// `done` of 99 in 100; the rest are open or, every second, have none.
    let state: String?
    /// Two of two hundred; every fourth document has none.
    let tags: [String]
    /// Different of each document; `series-00` to `series-99` are parts of it.
    let title: String

    init(_ row: Int) {
        self.row = row
        var generator = SplitMix64(seed: UInt64(row) << 20 | 2)
        func draw(_ limit: Int) -> Int { Int(generator.next() % UInt64(limit)) }
        part = draw(100)
        shelf = draw(20) == 0 ? nil : draw(1000)
        stamp = Double(draw(1 << 40)) * 0x1p-40
        let mood = draw(200)
        state = mood == 0 ? nil : mood == 1 ? "open" : "done"
        tags = draw(4) == 0 ? [] : ["tag-\(draw(200))", "tag-\(draw(200))"]
        let series = draw(100)
        title = "document \(row) of series-\(series / 10)\(series % 10)"
    }

    var id: String { "document-\(row)" }

    var metadata: [String: MetadataValue] {
        var members: [String: MetadataValue] = [
            "part": .integer(Int64(part)), "stamp": .number(stamp), "title": .string(title),
        ]
        members["shelf"] = shelf.map { .integer(Int64($0)) }
        members["state"] = state.map { .string($0) }
        if !tags.isEmpty { members["tags"] = .array(tags.map { .string($0) }) }
        return members
    }

    /// A few words, for the text index.
    var text: String {
        (0..<12).map { "word\((row &* 31 &+ $0 &* 7919) % 5000)" }.joined(separator: " ")
    }
}
