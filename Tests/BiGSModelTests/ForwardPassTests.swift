import BiGSModel
import Foundation
import Kernels
import Synchronization
import TestSupport
import Testing

/// Passes that take turns, each on its own workspace, give what each gives alone.
@Suite struct ForwardPassTests {
    private static let everything: OutputRequest = [
        .lastHiddenState, .poolerOutput, .logits, .meanPooled, .allHiddenStates,
    ]

    private func batch(_ lengths: [Int], _ model: BiGSModel, seed: UInt64) -> TokenBatch {
        var generator = SeededGenerator(seed: seed)
        return TokenBatch(
            sequences: lengths.map { length in
                TokenSequence(
                    ids: (0..<length).map { _ in
                        Int32.random(
                            in: 0..<Int32(model.configuration.vocabularySize), using: &generator)
                    })
            })
    }

    /// In whole layers, and in as small steps as there are.
    @Test(arguments: [ForwardPass.stepWork, 1])
    func passesThatTakeTurnsGiveTheSameBits(stepWork: Int) throws {
        let configuration = BiGSConfiguration(
            vocabularySize: 300, hiddenSize: 64, intermediateSize: 192, layerCount: 5,
            stateSize: 8, maximumPositions: 600)
        let model = try BiGSModel.random(configuration: configuration, seed: 4)
        let (long, short) = (batch([600], model, seed: 1), batch([3, 40], model, seed: 2))
        let (longSpace, shortSpace) = (
            model.makeWorkspace(tokenCapacity: 600), model.makeWorkspace(tokenCapacity: 64)
        )
        let expected = try (
            model.forward(long, workspace: longSpace, outputs: Self.everything),
            model.forward(short, workspace: shortSpace, outputs: Self.everything)
        )
        // The short pass starts after 0, 1, 2, … steps of the long one.
        for start in 0...(configuration.layerCount + 2) {
            let first = try model.begin(
                long, workspace: longSpace, outputs: Self.everything, stepWork: stepWork)
            if stepWork > 1 { #expect(first.remainingSteps == configuration.layerCount + 2) }
            #expect(first.tokenCount == 600)
            for _ in 0..<start { _ = first.step() }
            let second = try model.begin(short, workspace: shortSpace, outputs: Self.everything)
            while first.remainingSteps + second.remainingSteps > 0 {
                _ = second.step()
                _ = first.step()
            }
            #expect(same(first.output, expected.0))
            #expect(same(second.output, expected.1))
            #expect(!first.step())
        }
    }

    /// Whoever chooses another number of threads while a pass runs changes its time, nothing else.
    @Test func threadsMayChangeAtAnyMoment() throws {
        let configuration = BiGSConfiguration(
            vocabularySize: 300, hiddenSize: 64, intermediateSize: 192, layerCount: 3,
            stateSize: 8, maximumPositions: 700)
        let model = try BiGSModel.random(configuration: configuration, seed: 5)
        let batches = [batch([700], model, seed: 1), batch([140], model, seed: 2)]
        let workspace = model.makeWorkspace(tokenCapacity: 700)
        let expected = try batches.map {
            try model.forward($0, workspace: workspace, outputs: Self.everything)
        }
        defer { ComputeThreads.configure(0) }
        for threads in [1, 8, 2, 3] {
            // Between the steps, in buffers that were made for another number.
            for (batch, expected) in zip(batches, expected) {
                let pass = try model.begin(
                    batch, workspace: workspace, outputs: Self.everything, stepWork: 1)
                repeat { ComputeThreads.configure(threads) } while pass.step()
                #expect(same(pass.output, expected), "\(threads) threads")
            }
        }
        // And within them.
        let stop = Atomic(false)
        let stopped = DispatchSemaphore(value: 0)
        let changes = Thread {
            while !stop.load(ordering: .relaxed) {
                for threads in [1, 8, 2] { ComputeThreads.configure(threads) }
            }
            stopped.signal()
        }
        changes.start()
        defer {
            stop.store(true, ordering: .relaxed)
            stopped.wait()
        }
        for _ in 0..<20 {
            for (batch, expected) in zip(batches, expected) {
                let output = try model.forward(
                    batch, workspace: workspace, outputs: Self.everything)
                #expect(same(output, expected))
            }
        }
    }

    /// A large model's layers are cut into steps of some milliseconds, a small one's are not.
    @Test func largeLayersAreCut() throws {
        let long = 4096
        func steps(hidden: Int) throws -> Int {
            let configuration = BiGSConfiguration(
                vocabularySize: 300, hiddenSize: hidden, intermediateSize: 3 * hidden,
                layerCount: 1, stateSize: 8, maximumPositions: long)
            let model = try BiGSModel.random(configuration: configuration, seed: 5)
            return try model.begin(
                batch([long], model, seed: 1), workspace: model.makeWorkspace(tokenCapacity: long),
                outputs: []
            ).remainingSteps
        }
        #expect(try steps(hidden: 256) == 3)
        let rounds = RowTiles(rows: long, precision: .float32).rounds
        if rounds > 1 { #expect(try steps(hidden: 1024) > 3) }
    }

    @Test func aBatchThatDoesNotFitIsRefusedBeforeAnyStep() throws {
        let configuration = BiGSConfiguration(
            vocabularySize: 20, hiddenSize: 16, intermediateSize: 32, layerCount: 1, stateSize: 2,
            maximumPositions: 50)
        let model = try BiGSModel.random(configuration: configuration, seed: 4)
        let workspace = model.makeWorkspace(tokenCapacity: 8)
        #expect(throws: ModelError.self) {
            try model.begin(
                batch([9], model, seed: 1), workspace: workspace, outputs: [.meanPooled])
        }
    }

    private func same(_ a: ModelOutput, _ b: ModelOutput) -> Bool {
        zip(a.sequences, b.sequences).allSatisfy { a, b in
            bits(a.lastHiddenState) == bits(b.lastHiddenState)
                && bits(a.poolerOutput) == bits(b.poolerOutput)
                && bits(a.meanPooled) == bits(b.meanPooled)
                && a.hiddenStates.map { $0.map(bits) } == b.hiddenStates.map { $0.map(bits) }
        } && a.sequences.count == b.sequences.count
    }

    private func bits(_ values: [Float]?) -> [UInt32]? { values?.map(\.bitPattern) }
}
