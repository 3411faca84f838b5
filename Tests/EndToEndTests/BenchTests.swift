import Foundation
import FoundationXML
import TestSupport
import Testing

@Suite struct BenchTests {
    private struct Report: Decodable {
        struct Run: Decodable {
            struct Stage: Decodable {
                let name: String
                let share: Double
                let bytes: Double
            }

            let dtype: String
            let length: Int
            let batch: Int
            let tokensPerSecond: Double
            let share: Double?
            let peakBytes: Int
            let buffersMade: Int
            let stages: [Stage]
        }

        let threads: Int
        let runs: [Run]
        let skipped: [String]
    }

    /// Also what no test inside a process that runs others can see: that a pass makes no buffers.
    @Test func measuresWhatIsAskedFor() throws {
        let folder = try SmallModel.temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: folder) }
        let plot = folder.appending(path: "plot.svg")
        let outcome = try Program.run([
            "bench", "--random", "mini", "--lengths", "16,300", "--batch", "1,2", "--seconds", "0",
            "--threads", "1", "--json", "--plot", plot.path,
        ])
        #expect(outcome.status == 0, "\(outcome.errors)")
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let report = try decoder.decode(Report.self, from: outcome.output)
        #expect(report.threads == 1)
        #expect(report.runs.count + 4 * report.skipped.count == 12)
        for run in report.runs {
            #expect(run.tokensPerSecond > 0 && run.peakBytes > 0)
            #expect(run.buffersMade == 0, "\(run.dtype) \(run.length) \(run.batch)")
            #expect(run.share.map { $0 > 0 } ?? true)
            let shares = run.stages.reduce(0) { $0 + $1.share }
            #expect(shares > 0 && shares < 1.01, "\(shares)")
            #expect(run.stages.contains { $0.name == "convolution" && $0.bytes > 0 })
        }
        let picture = try String(contentsOf: plot, encoding: .utf8)
        #expect(picture.hasPrefix("<svg") && picture.contains("float32"))
        #expect(XMLParser(data: Data(picture.utf8)).parse())
    }

    @Test func wrongUsageIsNamed() throws {
        for arguments in [
            ["--lengths", "0"], ["--lengths", "a"], ["--dtypes", "float64"], ["--batch", "-1"],
            ["--random", "huge"], ["--model", "x", "--random", "mini"], ["--seconds", "-1"],
        ] { #expect(try Program.run(["bench"] + arguments).status == 64, "\(arguments)") }
        let long = try Program.run(["bench", "--lengths", "5000", "--dtypes", "float32"])
        #expect(long.status == 1 && long.errors.contains("5000"))
    }

    /// A plot that cannot be written is found before the work; one that is there outlives its failure.
    @Test func plotsAreTriedAndNotLost() throws {
        let folder = try SmallModel.temporaryDirectory()
        let plot = folder.appending(path: "plot.svg")
        try Data("earlier".utf8).write(to: plot)
        let arguments = ["bench", "--lengths", "5000", "--dtypes", "float32", "--plot"]
        #expect(try Program.run(arguments + [plot.path]).status == 1)
        #expect(try String(contentsOf: plot, encoding: .utf8) == "earlier")
        let nowhere = try Program.run(arguments + [folder.path + "/none/plot.svg"])
        #expect(nowhere.status == 1 && nowhere.errors.contains("--plot: "), "\(nowhere.errors)")
    }

    @Test func printsThePlan() throws {
        let outcome = try Program.run(["bench", "--plan", "--lengths", "20,100"])
        #expect(outcome.status == 0)
        #expect(outcome.lines.count == 5)
    }

    @Test("`forward` is what `bench` means without a name")
    func forwardByName() throws {
        for name in [[], ["forward"]] {
            let outcome = try Program.run(["bench"] + name + ["--plan", "--lengths", "20"])
            #expect(outcome.status == 0, "\(outcome.errors)")
            #expect(outcome.lines.first?.hasPrefix("convolution by length") == true)
        }
    }

    /// The command itself compares answers with a full sort, and fails where they differ.
    @Test func measuresSearches() throws {
        let folder = try SmallModel.temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: folder) }
        let store = folder.appending(path: "bench.sqlite").path
        let small = [
            "bench", "search", "--count", "600", "--dimensions", "20", "--queries", "3", "--top-k",
            "4", "--threads", "2",
        ]
        for (more, isMade) in [
            ([], false), (["--store", store], true), (["--store", store], false),
            (["--temporary-store", "--passages", "3"], true),
        ] {
            let outcome = try Program.run(small + more)
            #expect(outcome.status == 0, "\(outcome.errors)")
            #expect(outcome.lines.contains { $0.hasPrefix("as a full sort: 2") })
            #expect(outcome.lines.contains { $0.hasPrefix("made in") } == isMade)
            // Ten filters and none, and three kinds of writes.
            #expect(outcome.lines.count >= (more.isEmpty ? 6 : 22))
        }
        let other = try Program.run(small + ["--store", store, "--count", "601"])
        #expect(other.status == 1 && other.errors.contains("has other documents"))
    }

    @Test func wrongSearchUsageIsNamed() throws {
        for arguments in [
            ["--count", "0"], ["--passages", "2"], ["--store", "x", "--temporary-store"],
            ["--temporary-store", "--passages", "-1"],
        ] {
            #expect(try Program.run(["bench", "search"] + arguments).status == 64, "\(arguments)")
        }
    }

    /// What other processors run: the same numbers, nearly.
    @Test func portableKernelsAgree() throws {
        let text = Data("A text about kernels, gates and recurrences.".utf8)
        func embed(_ arguments: [String]) throws -> [Double] {
            let line = try Program.run(["embed"] + arguments, input: text).objects().first
            return try #require(line?["embedding"] as? [Double])
        }
        let here = try embed([])
        let portable = try Program.run(
            ["embed", "--dtype", "bfloat16"], input: text, environment: ["BIGS_KERNELS": "portable"]
        )
        #expect(portable.errors.contains("running float32"))
        let there = try #require(try portable.objects().first?["embedding"] as? [Double])
        #expect(zip(here, there).allSatisfy { abs($0 - $1) < 1e-5 } && here.count == there.count)
    }
}
