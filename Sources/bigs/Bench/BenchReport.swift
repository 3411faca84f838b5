import BiGSModel
import Foundation
import Kernels

/// One stage of a profiled pass.
struct BenchStage: Encodable {
    let name: String
    /// Of the time of all threads in the pass.
    let share: Double
    let seconds: Double
    /// Bytes read and written, each tensor once for each tile of rows.
    let bytes: Double
}

/// One case: a type, a length and a batch.
struct BenchRun: Encodable {
    var dtype = ""
    let length: Int
    let batch: Int
    /// The fastest pass.
    let seconds: Double
    let medianSeconds: Double
    let tokensPerSecond: Double
    /// Operations of the dense layers, in 10^9 a second.
    let gflops: Double
    /// What oneDNN reaches in one product of this type.
    var peakGFLOPS: Double?
    /// The one over the other.
    var share: Double?
    var loadSeconds = 0.0
    /// Memory of the process after the model was loaded.
    var weightsBytes = 0
    /// The most while passes ran.
    let peakBytes: Int
    /// Allocated and kept by one more pass: 0 when everything is reused.
    let heapGrowthBytes: Int
    /// Buffers that one more pass made: 0 too.
    let buffersMade: Int
    let stages: [BenchStage]

    /// The case on one line.
    var line: String {
        let convolution = stages.first { $0.name == "convolution" }?.share ?? 0
        return pad(dtype, 9) + number(Double(length), 0, 8) + number(Double(batch), 0, 6)
            + number(seconds * 1000, 2, 11) + number(tokensPerSecond, 0, 10)
            + number(gflops, 0, 9) + number((share ?? 0) * 100, 1, 9)
            + number(convolution * 100, 1, 8) + number(Double(peakBytes) / 1e6, 0, 9)
    }

    static let heading =
        "dtype      length batch         ms  tokens/s  GFLOP/s   share %  conv %  peak MB"

    private func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    private func number(_ value: Double, _ digits: Int, _ width: Int) -> String {
        let text = String(format: "%.\(digits)f", value)
        return String(repeating: " ", count: max(0, width - text.count)) + text
    }
}

/// Everything one `bigs bench` found.
struct BenchReport: Encodable {
    let model: String
    let processor: String
    let threads: Int
    let version: String
    var runs: [BenchRun] = []
    /// Types that this processor cannot run.
    var skipped: [String] = []

    init(model: String, processor: String, threads: Int, version: String) {
        self.model = model
        self.processor = processor
        self.threads = threads
        self.version = version
    }

    /// The report for people.
    var table: String {
        var text = "\(model), \(threads) threads, \(processor), bigs \(version)\n\n"
        text += BenchRun.heading + "\n"
        for run in runs { text += run.line + "\n" }
        text += "\noneDNN's peak, GFLOP/s:"
        var seen: Set<String> = []
        for run in runs where seen.insert(run.dtype).inserted {
            let peak = run.peakGFLOPS.map { String(format: "%.0f", $0) } ?? "none"
            text += " \(run.dtype) \(peak)"
        }
        text += "\n"
        for run in runs {
            text += "\n\(run.dtype), \(run.length) tokens x \(run.batch), share of the time: "
            text += run.stages.filter { $0.share >= 0.0005 }
                .map { String(format: "\($0.name) %.1f %%", $0.share * 100) }
                .joined(separator: ", ")
            let rest = 1 - run.stages.reduce(0) { $0 + $1.share }
            text += String(format: ", rest %.1f %%", rest * 100)
        }
        text += "\n"
        for note in skipped { text += note + "\n" }
        return text
    }
}

/// What the planner of convolutions chose.
enum PlanReport {
    /// A line for each length and kind of rows: the choice, then the losers; nanoseconds a number.
    static func text(lengths: [Int], states: Int, storedAs types: [Precision]) -> String {
        var text = "convolution by length, \(states) states: "
        text += "choice, then the others (ns for each number)\n"
        for type in types where type != .int8 {
            for length in lengths {
                guard
                    let entry = ConvolutionPlanner.measurements(
                        length: length, states: states, type)
                else {
                    text += "\(type.rawValue) \(length): not measured, for want of a file: "
                    text += "\(ConvolutionPlanner.choice(length: length, states: states, type))\n"
                    continue
                }
                let times = entry.times.map { time in
                    let each = time.seconds / Double(entry.length * 32) * 1e9
                    return "\(time.algorithm) " + String(format: "%.2f", each)
                }
                text += "\(type.rawValue) \(length) (class up to \(entry.length)): "
                text += times.joined(separator: ", ") + "\n"
            }
        }
        return text
    }
}
