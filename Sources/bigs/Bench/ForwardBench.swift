import BiGSModel
import Foundation
import Kernels

/// Forward passes of one length and batch, timed.
struct ForwardBench {
    private let model: BiGSModel
    private let batch: TokenBatch
    private let length: Int

    /// The longest text is cut to the model's positions by nobody: a length beyond them is an error.
    init(_ model: BiGSModel, length: Int, batch: Int) {
        self.model = model
        self.length = length
        let words = Int32(model.configuration.vocabularySize)
        self.batch = TokenBatch(
            sequences: (0..<batch).map { text in
                // Any ids do; these are spread over the table without repeating soon.
                TokenSequence(
                    ids: (0..<length).map { Int32(($0 * 7919 + text * 104_729) % Int(words)) })
            })
    }

    /// Operations of the dense layers for one token: 2 for each weight.
    static func operationsPerToken(_ configuration: BiGSConfiguration) -> Double {
        let (hidden, gate) = (
            Double(configuration.hiddenSize), Double(configuration.intermediateSize)
        )
        return 2 * Double(configuration.layerCount) * (4 * hidden * hidden + 3 * hidden * gate)
    }

    /// The fastest of at least 3 passes that take at least `seconds` together; then one with a profile.
    func run(seconds: Double) throws -> BenchRun {
        let workspace = model.makeWorkspace(tokenCapacity: batch.tokenCount)
        func pass() throws -> Double {
            let time = try ContinuousClock().measure {
                _ = try model.forward(batch, workspace: workspace, outputs: [.meanPooled])
            }
            return time / .seconds(1)
        }
        _ = try pass()
        MemoryUse.forgetPeak()
        var times: [Double] = []
        while times.count < 3 || times.reduce(0, +) < seconds { times.append(try pass()) }
        let peak = MemoryUse.peak()
        let before = (heap: StageProfile.heapBytes, buffers: BufferCount.now)
        _ = try pass()
        let after = (heap: StageProfile.heapBytes, buffers: BufferCount.now)

        StageProfile.start()
        let profiled = try pass()
        let all = profiled * Double(ComputeThreads.count)
        let stages = StageProfile.stop().map { entry in
            BenchStage(
                name: entry.stage.name, share: entry.seconds / all,
                seconds: entry.seconds / Double(ComputeThreads.count), bytes: entry.bytes)
        }
        let best = times.min() ?? 0
        let tokens = Double(batch.tokenCount)
        return BenchRun(
            length: length, batch: batch.sequences.count, seconds: best,
            medianSeconds: times.sorted()[times.count / 2], tokensPerSecond: tokens / best,
            gflops: Self.operationsPerToken(model.configuration) * tokens / best / 1e9,
            peakBytes: peak, heapGrowthBytes: after.heap - before.heap,
            buffersMade: after.buffers - before.buffers, stages: stages)
    }
}
