import DocumentStore
import Foundation
import Synchronization
import TestSupport

extension SeededGenerator {
    /// A word of a small vocabulary, so that texts share some.
    mutating func word() -> String {
        ["river", "stone", "Straße", "naïve", "цена", "running", "runs", "graph", "x1", "42"]
            .randomElement(using: &self) ?? "river"
    }

    mutating func text(words: Int = 12) -> String {
        (0..<words).map { _ in word() }.joined(separator: " ")
    }

    mutating func documentEncoding(columns: Int = 8, passages: Int = 0) -> DocumentEncoding {
        DocumentEncoding(
            tokens: 12, tokensUsed: 10, vector: floats(columns),
            passages: (0..<passages).map { index in
                Passage(
                    granularity: index % 2 == 0 ? "sentence" : "paragraph", start: index * 5,
                    end: index * 5 + 5, vector: floats(columns))
            })
    }

    mutating func draft(
        _ id: String, metadata: [String: MetadataValue]? = nil, columns: Int = 8, passages: Int = 0
    ) throws -> DocumentDraft {
        DocumentDraft(
            id: id, text: text(), metadata: try metadata.map { try DocumentMetadata($0) },
            encoding: documentEncoding(columns: columns, passages: passages))
    }

    mutating func drafts(
        _ count: Int, prefix: String = "d", columns: Int = 8, passages: Int = 0
    ) throws -> [DocumentDraft] {
        try (0..<count).map { try draft("\(prefix)\($0)", columns: columns, passages: passages) }
    }
}

/// A time that tests set.
final class TestClock: Sendable {
    private let seconds = Mutex(1_000_000.0)

    var now: @Sendable () -> Date {
        { [self] in Date(timeIntervalSince1970: seconds.withLock { $0 }) }
    }

    func advance(_ interval: Double) { seconds.withLock { $0 += interval } }
}

func openStore(_ path: String, options: StoreOptions) throws(StoreError) -> EncodingStore {
    try EncodingStore.open(path: path, logger: quiet, options: options)
}

/// The cosine in double precision, straight from its definition.
func cosine(_ a: [Float], _ b: [Float]) -> Double {
    func dot(_ a: [Float], _ b: [Float]) -> Double {
        zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }
    let lengths = (dot(a, a) * dot(b, b)).squareRoot()
    return lengths > 0 ? dot(a, b) / lengths : 0
}
