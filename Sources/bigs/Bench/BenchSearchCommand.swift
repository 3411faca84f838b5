import ArgumentParser
import Foundation
import Kernels

/// `bigs bench search`: the exact search over vectors in memory, or through a store's file.
struct BenchSearchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "search",
        abstract: "Measures exact nearest-neighbour search over random vectors.",
        discussion: """
            Vectors are drawn from clusters, so that near ones exist as in real collections. Some \
            answers of each kind are compared with a full sort in double precision; another answer \
            ends the command with an error.

            With --store or --temporary-store the vectors become documents of a store, with a few \
            words of text and six members of metadata, and the times are those of whole searches as \
            the server runs them: transaction, filter, scan and documents. Filters let one document \
            in a hundred through; each is timed when it is new and once more. A file of a million \
            takes a few minutes to make and 3 GB; --store keeps it, and searches it again the \
            next time.
            """)

    @Option(help: "How many vectors.")
    var count = 1_000_000

    @Option(help: "The length of each.")
    var dimensions = 384

    @Option(help: "How many hits.")
    var topK = 10

    @Option(help: "How many threads scan; 0: one for each core.")
    var threads = 0

    @Option(help: "How many queries of each kind are timed.")
    var queries = 20

    @Option(help: "How many of these answers are compared with a full sort.")
    var checks = 2

    @Option(help: "The file to search, made where there is none.")
    var store: String?

    @Flag(help: "Searches a store in a temporary folder, which is removed.")
    var temporaryStore = false

    @Option(help: "With a store: so many passages for each document, which are searched instead.")
    var passages = 0

    func validate() throws {
        for (flag, value, range) in [
            ("--count", count, 1...100_000_000), ("--dimensions", dimensions, 1...65_536),
            ("--top-k", topK, 1...1_000_000), ("--threads", threads, 0...1_024),
            ("--queries", queries, 1...1_000_000), ("--checks", checks, 0...1_000_000),
            ("--passages", passages, 0...max(0, count)),
        ] where !range.contains(value) {
            throw ValidationError(
                "\(flag): expected \(range.lowerBound) to \(range.upperBound), got \(value)")
        }
        if store != nil, temporaryStore {
            throw ValidationError("--store and --temporary-store exclude each other")
        }
        if passages > 0, store == nil, !temporaryStore {
            throw ValidationError("--passages needs --store or --temporary-store")
        }
    }

    func run() async throws {
        let threads = threads > 0 ? threads : ComputeThreads.count
        let vectors = SampleVectors(columns: dimensions)
        try StandardOutput.print(
            "\(count) x \(dimensions) float32, top \(topK), \(threads) threads")
        guard store != nil || temporaryStore else { return try timeScan(vectors, threads) }
        let folder = FileManager.default.temporaryDirectory
            .appending(path: "bigs-bench-\(UUID().uuidString)")
        if temporaryStore {
            try FileManager.default.createDirectory(
                at: folder, withIntermediateDirectories: true)
        }
        defer { if temporaryStore { try? FileManager.default.removeItem(at: folder) } }
        try await StoreSearchBench(
            path: store ?? folder.appending(path: "bench.sqlite").path, vectors: vectors,
            documents: count / max(1, passages), passages: passages, topK: topK, threads: threads,
            queries: queries, checks: checks
        ).run()
    }

    private func timeScan(_ vectors: SampleVectors, _ threads: Int) throws {
        var set = VectorSet(columns: dimensions)
        let start = ContinuousClock.now
        for row in 0..<count {
            let isKept = vectors[row].withUnsafeBytes { set.append($0) }
            guard isKept else {
                throw CommandError(description: "no memory for \(count) vectors")
            }
        }
        try StandardOutput.print(
            "filled in \(SearchTable.text(SearchTimes.milliseconds(since: start))) ms")
        var onePercent = RowMask(count: count)
        for row in stride(from: 0, to: count, by: 100) { onePercent[row] = true }
        let table = try SearchTable(["in memory, ms     ", "median", "slowest"])
        for (name, mask) in [("all rows", nil), ("one row in 100", onePercent as RowMask?)] {
            var times = SearchTimes()
            for query in 0..<queries {
                let vector = vectors[count + query]
                let start = ContinuousClock.now
                let matches = VectorScan.nearest(
                    to: vector, in: set, topK: topK, mask: mask, threads: threads)
                times.add(since: start)
                if query < checks { try check(matches, vector, set, mask) }
            }
            try table.row([name, SearchTable.text(times.median), SearchTable.text(times.slowest)])
        }
        if checks > 0 {
            try StandardOutput.print("as a full sort: \(min(checks, queries)) answers of each kind")
        }
    }

    private func check(
        _ matches: [VectorScan.Match], _ query: [Float], _ set: VectorSet, _ mask: RowMask?
    ) throws {
        let scores = (0..<set.count).filter { mask?[$0] ?? true }
            .map { SampleVectors.cosine(query, set.vector($0)) }.sorted(by: >)
        guard matches.count >= min(topK, scores.count),
            zip(matches, scores).allSatisfy({ abs($0.score - $1) < 1e-12 })
        else { throw SearchDifference(kind: "vectors in memory") }
    }
}

/// A search answered otherwise than a full sort.
struct SearchDifference: Error, CustomStringConvertible {
    let kind: String
    var description: String { "not as a full sort: \(kind)" }
}
