import ArgumentParser
import DocumentStore
import Foundation
import Kernels
import Logging

/// Times the exact search: over vectors in memory, or through a store's file.
struct BenchSearchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench-search",
        abstract: "Times exact nearest-neighbour search over random vectors.",
        discussion: """
            Vectors are drawn from clusters, so that near ones exist as in real collections. Each \
            answer is compared with a full sort in double precision of a sample of the queries.
            With --store, the vectors become documents of a new file, half a kilobyte of text and \
            metadata each, and the times are those of a whole search: transaction, filter, scan \
            and documents.
            """)

    @Option(help: "How many vectors.")
    var count = 1_000_000

    @Option(help: "The length of each.")
    var dimensions = 384

    @Option(help: "How many hits.")
    var topK = 10

    @Option(help: "How many threads scan; 0: one for each core.")
    var threads = 0

    @Option(help: "How many queries are timed.")
    var queries = 20

    @Option(help: "How many of these answers are compared with a full sort.")
    var checks = 2

    @Option(help: "The file to make and search; none: vectors in memory only.")
    var store: String?

    func validate() throws {
        guard count > 0, dimensions > 0, topK > 0, queries > 0, checks >= 0, threads >= 0 else {
            throw ValidationError("numbers must be positive")
        }
        if let store, FileManager.default.fileExists(atPath: store) {
            throw ValidationError("\(store) exists; name a new file")
        }
    }

    func run() async throws {
        let threads = threads > 0 ? threads : ComputeThreads.count
        let vectors = SampleVectors(columns: dimensions)
        print("\(count) x \(dimensions) float32, top \(topK), \(threads) threads")
        if let store {
            try await timeStore(store, vectors, threads: threads)
        } else {
            try timeScan(vectors, threads: threads)
        }
    }

    private func timeScan(_ vectors: SampleVectors, threads: Int) throws {
        var set = VectorSet(columns: dimensions)
        let start = ContinuousClock.now
        for row in 0..<count {
            let isKept = vectors[row].withUnsafeBytes { set.append($0) }
            guard isKept else { throw ValidationError("no memory for \(count) vectors") }
        }
        print("filled in \(milliseconds(since: start)) ms")
        var onePercent = RowMask(count: count)
        for row in stride(from: 0, to: count, by: 100) { onePercent[row] = true }
        for (name, mask) in [("all rows", nil), ("one row in 100", onePercent as RowMask?)] {
            let times = (0..<queries).map { query in
                let vector = vectors[count + query]
                let start = ContinuousClock.now
                let matches = VectorScan.nearest(
                    to: vector, in: set, topK: topK, mask: mask, threads: threads)
                let time = milliseconds(since: start)
                if query < checks { check(matches, vector, set, mask) }
                return time
            }
            report(name, times)
        }
    }

    private func check(
        _ matches: [VectorScan.Match], _ query: [Float], _ set: VectorSet, _ mask: RowMask?
    ) {
        let scores = (0..<set.count).filter { mask?[$0] ?? true }
            .map { cosine(query, set.vector($0)) }.sorted(by: >)
        let isSame = zip(matches, scores).allSatisfy { abs($0.score - $1) < 1e-12 }
        print(isSame ? "  as the full sort" : "  NOT AS THE FULL SORT")
    }

    private func cosine(_ a: [Float], _ b: [Float]) -> Double {
        var (dot, x, y) = (0.0, 0.0, 0.0)
        for index in a.indices {
            dot += Double(a[index]) * Double(b[index])
            x += Double(a[index]) * Double(a[index])
            y += Double(b[index]) * Double(b[index])
        }
        return x > 0 && y > 0 ? dot / (x * y).squareRoot() : 0
    }

    private func timeStore(_ path: String, _ vectors: SampleVectors, threads: Int) async throws {
        let logger = Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
        let store = try EncodingStore.open(
            path: path, logger: logger, options: StoreOptions(searchThreads: threads))
        defer { store.close() }
        let model = [UInt8](repeating: 1, count: 32)
        var start = ContinuousClock.now
        for first in stride(from: 0, to: count, by: 2000) {
            let drafts = try (first..<min(first + 2000, count)).map { row in
                DocumentDraft(
                    id: "document-\(row)", text: SampleVectors.text(row),
                    metadata: try DocumentMetadata([
                        "part": .integer(Int64(row % 100)), "name": .string("n\(row)"),
                    ]),
                    encoding: DocumentEncoding(tokens: 90, tokensUsed: 90, vector: vectors[row]))
            }
            _ = try await store.put(drafts, model: model)
        }
        print("put in \(milliseconds(since: start)) ms")
        start = .now
        try await store.warm(model: model, columns: dimensions)
        print("read into memory in \(milliseconds(since: start)) ms")
        let filters: [(String, MetadataFilter?)] = [
            ("no filter", nil),
            ("part = 7 (1 %)", try filter(.integer(7))),
            ("part < 50 (50 %)", try filter(.object(["$lt": .integer(50)]))),
            (
                "part not in 99 (1 %)",
                try filter(.object(["$nin": .array((1..<100).map { .integer($0) })]))
            ),
        ]
        for (name, filter) in filters {
            var times: [Double] = []
            for query in 0..<queries {
                let request = SearchRequest(
                    query: .vector(vectors[count + query]), model: model, topK: topK,
                    filter: filter)
                let start = ContinuousClock.now
                let hits = try await store.search(request)
                times.append(milliseconds(since: start))
                guard hits.count == min(topK, count) || filter != nil else {
                    throw ValidationError("a search answered \(hits.count) hits")
                }
            }
            report(name, times)
        }
    }

    private func filter(_ condition: MetadataValue) throws -> MetadataFilter {
        try MetadataFilter(.object(["part": condition]))
    }

    private func report(_ name: String, _ times: [Double]) {
        let sorted = times.sorted()
        print(
            "\(name): median \(rounded(sorted[sorted.count / 2])) ms, "
                + "fastest \(rounded(sorted[0])), slowest \(rounded(sorted[sorted.count - 1]))")
    }

    private func milliseconds(since start: ContinuousClock.Instant) -> Double {
        let time = (ContinuousClock.now - start).components
        return rounded(Double(time.seconds) * 1e3 + Double(time.attoseconds) * 1e-15)
    }

    private func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }
}

/// Vectors that come out the same each time, around a thousand centres.
private struct SampleVectors {
    let columns: Int
    private let centres: [[Float]]

    init(columns: Int) {
        self.columns = columns
        centres = (0..<1000).map { Self.noise(seed: UInt64($0) << 40, columns) }
    }

    subscript(row: Int) -> [Float] {
        let noise = Self.noise(seed: UInt64(row) << 20 | 1, columns)
        return zip(centres[row % centres.count], noise).map { $0 * 0.7 + $1 }
    }

    /// Words that a text index has something to do with.
    static func text(_ row: Int) -> String {
        (0..<90).map { "word\((row &* 31 &+ $0 &* 7919) % 5000)" }.joined(separator: " ")
    }

    /// Uniform in -1 ..< 1, by SplitMix64 (Steele, Lea, Flood 2014).
    private static func noise(seed: UInt64, _ count: Int) -> [Float] {
        var state = seed
        return (0..<count).map { _ in
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return Float(Int32(truncatingIfNeeded: (z ^ (z >> 31)) >> 32)) * 0x1p-31
        }
    }
}
