import Foundation
import TestSupport
import Testing

@testable import Kernels

/// What is measured once must stay: it decides last bits.
@Suite struct PlannerTests {
    private func folder() throws -> URL {
        let folder = FileManager.default.temporaryDirectory.appending(
            path: "bigs-plan-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder
    }

    private let key = ConvolutionPlanner.Key(length: 64, states: 8, storage: .float32)

    private func entry(_ first: ConvolutionAlgorithm) -> ConvolutionPlanner.Entry {
        ConvolutionPlanner.Entry(length: 64, times: [(first, 2), (.fftw, 1)])
    }

    @Test func theFirstMeasurementHolds() throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = PlanFile(path: folder.path + "/plan")
        #expect(file.entry(key) { entry(.toeplitz) } == entry(.toeplitz))
        let again = file.entry(key) {
            Issue.record("measured twice")
            return entry(.fftw)
        }
        #expect(again == entry(.toeplitz))
        // What is chosen is what the file says first, even if another was faster.
        let planner = ConvolutionPlanner(file: file)
        #expect(planner.algorithm(length: 64, states: 8, .float32) == .toeplitz)
        #expect(planner.algorithm(length: 60, states: 8, .float32) == .toeplitz)
    }

    /// Each reads what the one before it has written. (A lock belongs to an open file, so that threads
    /// stand for processes here.)
    @Test func oneChangesAFileAtATime() throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = CacheFile(path: folder.path + "/count")
        DispatchQueue.concurrentPerform(iterations: 40) { _ in
            let done: Bool? = file.exclusively {
                let text = try? String(contentsOfFile: file.path, encoding: .utf8)
                let next = (text.flatMap { Int($0) } ?? 0) + 1
                return file.replace {
                    FileManager.default.createFile(atPath: $0, contents: Data("\(next)".utf8))
                }
            }
            #expect(done == true)
        }
        #expect(try String(contentsOfFile: file.path, encoding: .utf8) == "40")
    }

    @Test(arguments: [
        "", "garbage\n", "bigs convolution plan 6\n",
        "bigs convolution plan 5\nfloat32 64 8 fftw=1",
        "bigs convolution plan 5\nfloat32 64 8 quicksort=1\n",
        "bigs convolution plan 5\nfloat32 -4 8 toeplitz=1\n",
        "bigs convolution plan 5\nfloat32 4096 8 toeplitz=1\n",
        "bigs convolution plan 5\nfloat64 64 8 toeplitz=1\n",
        "bigs convolution plan 5\nfloat32 64 8 toeplitz=nan\n",
        "bigs convolution plan 5\nfloat32 64 toeplitz=1\n",
        "bigs convolution plan 5\nfloat32 64 0 toeplitz=1\n",
        "bigs convolution plan 5\nfloat32 4096 500 scan=1\n", "\0\u{ff}\n",
    ])
    func aDamagedFileIsReplaced(text: String) throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = PlanFile(path: folder.path + "/plan")
        try Data(text.utf8).write(to: URL(filePath: file.path))
        #expect(file.read() == nil)
        #expect(file.entry(key) { entry(.toeplitz) } == entry(.toeplitz))
        #expect(file.read()?[key] == entry(.toeplitz))
    }

    @Test func withoutAFileNothingIsMeasured() {
        for planner in [
            ConvolutionPlanner(file: nil),
            ConvolutionPlanner(file: PlanFile(path: "/nonexistent/folder/plan")),
        ] {
            for length in [1, 16, 17, 1000, 4096, 16_384, 1_000_000] {
                let end = ConvolutionPlanner.classLength(length)
                let choice = planner.algorithm(length: length, states: 64, .bfloat16)
                #expect(choice == .usual(length: end))
                #expect(planner.measurements(length: length, states: 64, .bfloat16) == nil)
            }
        }
    }

    @Test func classesCoverEveryLength() {
        var last = 0
        for length in 1...40_000 {
            let end = ConvolutionPlanner.classLength(length)
            #expect(end >= length && end >= last && (length < 16 || end * 2 <= 3 * length))
            last = end
        }
    }

    @Test func aMeasurementTriesEveryCandidate() {
        for storage in [Storage.float32, .bfloat16] {
            let measured = ConvolutionPlanner.measure(
                .init(length: 100, states: 8, storage: storage))
            let tried = Set(measured.times.map(\.algorithm))
            #expect(tried == Set(ConvolutionAlgorithm.candidates(length: 100, states: 8, storage)))
            #expect(tried.isSuperset(of: [.toeplitz, .partitioned(size: 64), .fftw, .scan]))
            #expect(measured.times.allSatisfy { $0.seconds > 0 })
        }
    }

    /// What a model of few states is the fastest by says nothing about one of many.
    @Test func statesAreToldApart() throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = PlanFile(path: folder.path + "/plan")
        let many = ConvolutionPlanner.Key(length: 64, states: 64, storage: .float32)
        _ = file.entry(key) { entry(.toeplitz) }
        #expect(file.entry(many) { entry(.fftw) } == entry(.fftw))
        let planner = ConvolutionPlanner(file: file)
        #expect(planner.algorithm(length: 64, states: 8, .float32) == .toeplitz)
        #expect(planner.algorithm(length: 64, states: 64, .float32) == .fftw)
        #expect(
            !ConvolutionAlgorithm.candidates(length: 4096, states: 500, .bfloat16).contains(.scan))
    }

    @Test func namesComeBack() {
        for algorithm in ConvolutionAlgorithm.candidates(length: 400, states: 64, .bfloat16) {
            #expect(ConvolutionAlgorithm(algorithm.description) == algorithm)
        }
        #expect(ConvolutionAlgorithm("blocks-3") == nil)
    }
}
