import DocumentStore
import Foundation

/// A kind of filter that about one document in a hundred passes, with constants of its own for each
/// run, so that each is a first one.
struct FilterCase: Sendable {
    let name: String
    /// The filter of a run.
    private let json: @Sendable (Int) -> String
    /// The same in plain Swift.
    let passes: @Sendable (SampleDocument, Int) -> Bool

    func filter(_ run: Int) throws -> MetadataFilter {
        try MetadataFilter(
            JSONDecoder().decode(MetadataValue.self, from: Data(json(run).utf8)))
    }

    static let all = [
        FilterCase(
            name: "$eq", json: { #"{"part": \#($0 % 100)}"# }, passes: { $0.part == $1 % 100 }),
        FilterCase(
            name: "$gte, $lt",
            json: { #"{"stamp": {"$gte": \#(start($0)), "$lt": \#(start($0) + 0.01)}}"# },
            passes: { $0.stamp >= start($1) && $0.stamp < start($1) + 0.01 }),
        FilterCase(
            name: "$in", json: { #"{"shelf": {"$in": \#(shelves($0))}}"# },
            passes: { document, run in document.shelf.map(shelves(run).contains) ?? false }),
        FilterCase(
            name: "$ne",
            json: { #"{"state": {"$ne": "done"}, "part": {"$ne": \#(1000 + $0)}}"# },
            passes: { document, _ in document.state != "done" }),
        FilterCase(
            name: "$nin 99",
            json: { run in #"{"part": {"$nin": \#((0..<100).filter { $0 != run % 100 })}}"# },
            passes: { $0.part == $1 % 100 }),
        FilterCase(
            name: "$contains (list)", json: { #"{"tags": {"$contains": "tag-\#($0 % 200)"}}"# },
            passes: { $0.tags.contains("tag-\($1 % 200)") }),
        FilterCase(
            name: "$contains (part)", json: { #"{"title": {"$contains": "\#(series($0))"}}"# },
            passes: { $0.title.hasSuffix(series($1)) }),
        FilterCase(
            name: "$or",
            json: {
                #"""
                {"$or": [{"shelf": {"$in": \#(shelves($0).prefix(5).map { $0 })}},
                    {"stamp": {"$gte": \#(start($0)), "$lt": \#(start($0) + 0.005)}}]}
                """#
            },
            passes: { document, run in
                document.shelf.map(shelves(run).prefix(5).contains) ?? false
                    || document.stamp >= start(run) && document.stamp < start(run) + 0.005
            }),
        FilterCase(
            name: "$and",
            json: {
                #"""
                {"$and": [{"part": {"$lt": 10}}, {"stamp": {"$gt": \#(start($0))}},
                    {"stamp": {"$lt": \#(start($0) + 0.1)}}]}
                """#
            },
            passes: { $0.part < 10 && $0.stamp > start($1) && $0.stamp < start($1) + 0.1 }),
        FilterCase(
            name: "$not of $or",
            json: {
                #"""
                {"$not": {"$or": [{"part": {"$lt": \#($0 % 100)}},
                    {"part": {"$gt": \#($0 % 100)}}]}}
                """#
            }, passes: { $0.part == $1 % 100 }),
    ]

    private static func start(_ run: Int) -> Double { Double(run % 90) / 100 }
    private static func shelves(_ run: Int) -> [Int] { (0..<10).map { (run * 10 + $0) % 1000 } }
    private static func series(_ run: Int) -> String { "series-\(run / 10 % 10)\(run % 10)" }
}
