import ArgumentParser
import BiGSModel
import Checkpoints
import Foundation
import Kernels

/// `bigs bench forward`: the speed of forward passes, beside the machine's own in the same run.
struct BenchForwardCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "forward",
        abstract: "Measures forward passes by length, type and batch, and what limits them.",
        discussion: """
            Each case is run until it has taken some time, and the fastest run counts. The share is \
            that of the speed oneDNN reaches in one large product of the same type on all threads, \
            measured just before; operations are those of the dense layers alone, so all other work \
            counts as loss.
            """)

    /// A size that can be made in memory.
    enum Size: String, ExpressibleByArgument, CaseIterable {
        case large, base, mini
    }

    @Option(help: "A model's directory. Default: the embedded bigs-mini.")
    var model: String?

    @Option(
        help: ArgumentHelp(
            "Makes a model in memory instead: large (23 layers of 1,024, as published), base (12 of "
                + "768) or mini (6 of 256).", valueName: "size"))
    var random: Size?

    @Option(
        help: """
            Positions of the random model, where the measured lengths do not ask for more: their number \
            decides which convolution a length takes.
            """)
    var positions: Int?

    @Option(help: "Types, with commas between.")
    var dtypes = "float32,bfloat16,int8"

    @Option(help: "Tokens of a text, with commas between.")
    var lengths = "128,512,1024,4096"

    @Option(help: "Texts in a batch, with commas between.")
    var batch = "1"

    @Option(help: "The least seconds that a case is run for.")
    var seconds = 0.7

    @Option(help: "Cores to compute on. Default: all.")
    var threads: Int?

    @Flag(help: "Prints one JSON object instead of a table.")
    var json = false

    @Option(help: "Writes a plot of the shares and speeds to this SVG file.")
    var plot: String?

    @Flag(
        help: "Prints which convolution each length takes, and how the others did; runs no model.")
    var plan = false

    func validate() throws {
        _ = try numbers(lengths, "--lengths")
        _ = try numbers(batch, "--batch")
        _ = try types()
        if let threads, threads < 1 || threads > 1024 {
            throw ValidationError("--threads: expected 1 to 1024, got \(threads)")
        }
        if !(0...60).contains(seconds) {
            throw ValidationError("--seconds: expected 0 to 60, got \(seconds)")
        }
        if let positions, !(1...1_048_576).contains(positions) {
            throw ValidationError("--positions: expected 1 to 1048576, got \(positions)")
        }
        if model != nil, random != nil {
            throw ValidationError("--model and --random exclude each other")
        }
    }

    private func numbers(_ text: String, _ name: String) throws -> [Int] {
        try text.split(separator: ",").map { word in
            guard let number = Int(word), (1...1_048_576).contains(number) else {
                throw ValidationError("\(name): expected numbers from 1 on, got \(word)")
            }
            return number
        }
    }

    private func types() throws -> [Precision] {
        try dtypes.split(separator: ",").map { word in
            guard let type = Precision(rawValue: String(word)) else {
                throw ValidationError("--dtypes: float32, bfloat16 or int8, got \(word)")
            }
            return type
        }
    }

    func run() throws {
        if let threads { ComputeThreads.configure(threads) }
        let lengths = try numbers(lengths, "--lengths")
        if plan {
            let report = PlanReport.text(
                lengths: lengths, states: try states(), storedAs: try types())
            try StandardOutput.print(report, terminator: "")
            return
        }
        // It takes long to find what would be lost.
        if let plot { try checkWritable(plot) }
        var report = BenchReport(
            model: random.map { "random \($0.rawValue)" } ?? model
                ?? EmbeddedModel.embeddings.rawValue,
            processor: Processor.name, threads: ComputeThreads.count, version: Version.current)
        for type in try types() { try measure(type, lengths, &report) }
        if let plot {
            do {
                try Data(BenchPlot(report).svg.utf8).write(to: URL(filePath: plot))
            } catch {
                throw Self.unwritable(plot, SystemReason.text(of: error))
            }
        }
        if json {
            try JSONLines.write(report)
        } else {
            try StandardOutput.print(report.table, terminator: "")
        }
    }

    /// Throws where the file cannot be written; what is in it stays.
    private func checkWritable(_ path: String) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw Self.unwritable(path, SystemReason.text(of: errno)) }
        close(descriptor)
    }

    private static func unwritable(_ path: String, _ reason: String) -> CommandError {
        CommandError(description: "--plot: \(path) cannot be written: \(reason)")
    }

    /// The states of the model whose convolutions are planned.
    private func states() throws -> Int {
        guard let model else { return Size.large.configuration(positions: 512).stateSize }
        let checkpoint = try Checkpoint(directory: ModelLocator.directory(named: model))
        return try BiGSConfiguration(json: checkpoint.configuration).stateSize
    }

    private func measure(
        _ type: Precision, _ lengths: [Int], _ report: inout BenchReport
    ) throws {
        guard type.resolved == type else {
            report.skipped.append(
                "\(type.rawValue): this processor has no instructions for it")
            return
        }
        let clock = ContinuousClock()
        var loaded: BiGSModel?
        let loading = try clock.measure { loaded = try load(type, lengths) }
        guard let bigs = loaded else { return }
        let weights = MemoryUse.resident()
        let gate = bigs.configuration.intermediateSize
        let peak = GEMMPeak.measure(
            type, rows: 2048, inner: bigs.configuration.hiddenSize, columns: gate)
        for batch in try numbers(batch, "--batch") {
            for length in lengths {
                var run = try ForwardBench(bigs, length: length, batch: batch).run(
                    seconds: seconds)
                run.dtype = type.rawValue
                run.loadSeconds = loading / .seconds(1)
                run.weightsBytes = weights
                run.peakGFLOPS = peak
                run.share = peak.map { run.gflops / $0 }
                report.runs.append(run)
                if !json { StandardError.write(run.line) }
            }
        }
    }

    private func load(_ type: Precision, _ lengths: [Int]) throws -> BiGSModel {
        guard let random else {
            let checkpoint = try Checkpoint(directory: ModelLocator.directory(named: model))
            return try BiGSModel.load(checkpoint, options: ModelOptions(dtype: type))
        }
        let longest = max(positions ?? 0, lengths.max() ?? 1, 512)
        return try BiGSModel.random(
            configuration: random.configuration(positions: longest), seed: 1, dtype: type)
    }
}

extension BenchForwardCommand.Size {
    /// The configuration of a random model; its vocabulary is BERT's.
    func configuration(positions: Int) -> BiGSConfiguration {
        let (hidden, gate, layers) =
            switch self {
            case .large: (1024, 3072, 23)
            case .base: (768, 2304, 12)
            case .mini: (256, 768, 6)
            }
        return BiGSConfiguration(
            vocabularySize: 30_522, hiddenSize: hidden, intermediateSize: gate,
            layerCount: layers, stateSize: 64, maximumPositions: positions)
    }
}
