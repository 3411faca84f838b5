import BiGSModel
import Foundation
import TestSupport
import Testing

@testable import Serving

@Suite struct InferenceExecutorTests {
    /// Many layers, so that passes can be interrupted often; 128 positions.
    private static let configuration = Result {
        try BiGSConfiguration(
            json: Data(
                """
                {"architectures": ["BiGSModel"], "vocab_size": 100, "hidden_size": 16,
                 "intermediate_size": 32, "num_hidden_layers": 12, "num_ssm": 8,
                 "max_position_embeddings": 128, "type_vocab_size": 2}
                """.utf8))
    }

    private func model(seed: UInt64 = 7) throws -> BiGSModel {
        try BiGSModel.random(configuration: Self.configuration.get(), seed: seed)
    }

    private func texts(_ lengths: [Int], seed: UInt64) -> [TokenSequence] {
        var random = SeededGenerator(seed: seed)
        return lengths.map { length in
            TokenSequence(ids: (0..<length).map { _ in Int32.random(in: 0..<100, using: &random) })
        }
    }

    private func alone(
        _ model: BiGSModel, _ sequence: TokenSequence, _ outputs: OutputRequest
    ) throws -> SequenceOutput {
        let workspace = model.makeWorkspace(tokenCapacity: 128)
        return try model.forward(
            TokenBatch(sequences: [sequence]), workspace: workspace, outputs: outputs
        ).sequences[0]
    }

    /// Contract 2 under load: passes interrupted by others, packed with others, beside requests
    /// that are cancelled and another model, give the bits of a pass alone.
    @Test func resultsAreTheSameBitsWhateverRunsBeside() async throws {
        let (model, other) = (try model(), try model(seed: 8))
        let executor = InferenceExecutor(
            model: model, maximumBatchTokens: 256, maximumQueueTokens: 1 << 20, quickTokens: 24)
        defer { executor.stop() }
        let long = texts([128, 127, 100, 64, 90, 33, 128, 25], seed: 1)
        let short = texts([1, 2, 3, 5, 8, 13, 16, 24], seed: 2)
        let all = long + short
        let expected = try all.map { try alone(model, $0, .meanPooled).meanPooled }
        let states = try all.map { try alone(other, $0, .lastHiddenState).lastHiddenState }

        await withTaskGroup(of: Void.self) { group in
            for index in all.indices {
                group.addTask {
                    for _ in 0..<6 {
                        let result = try? await executor.run([all[index]], outputs: .meanPooled)
                        #expect(
                            result?.outputs.first?.meanPooled == expected[index], "text \(index)")
                    }
                }
                group.addTask {
                    for _ in 0..<2 {
                        let result = try? await executor.run(
                            [all[index]], outputs: .lastHiddenState, model: other)
                        #expect(
                            result?.outputs.first?.lastHiddenState == states[index],
                            "text \(index)")
                    }
                }
            }
            group.addTask {
                for _ in 0..<4 {
                    let result = try? await executor.run(all, outputs: .meanPooled)
                    #expect(result?.outputs.map(\.meanPooled) == expected)
                }
            }
            group.addTask {
                for _ in 0..<20 {
                    let doomed = Task { try await executor.run(long, outputs: .meanPooled) }
                    await Task.yield()
                    doomed.cancel()
                    _ = await doomed.result
                }
            }
        }
        // A pass that nobody waits for any more ends with its layer.
        while executor.load > 0 { await Task.yield() }

        // Short texts alone beside a stream of long ones, until one has run between two layers.
        let stream = Task {
            try await executor.run(
                Array(repeating: long, count: 500).flatMap { $0 }, outputs: .meanPooled)
        }
        var rounds = 0
        while rounds < 8 || (executor.counts.interruptions == 0 && rounds < 500) {
            let index = rounds % short.count
            let result = try await executor.run([short[index]], outputs: .meanPooled)
            #expect(result.outputs.first?.meanPooled == expected[long.count + index])
            rounds += 1
        }
        stream.cancel()
        _ = await stream.result
        #expect(executor.counts.interruptions > 0)
    }

    @Test func aTextThatTheModelCannotTakeSpoilsNoOther() async throws {
        let model = try model()
        let executor = InferenceExecutor(
            model: model, maximumBatchTokens: 256, maximumQueueTokens: 1 << 20)
        defer { executor.stop() }
        let good = texts([5, 6, 7], seed: 3)
        let bad = TokenSequence(ids: [1, 2], typeIDs: [0, 9])
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<20 {
                for sequence in good {
                    group.addTask {
                        let result = try? await executor.run([sequence], outputs: .meanPooled)
                        #expect(result?.outputs.count == 1)
                    }
                }
                group.addTask {
                    await #expect(throws: ServiceError.self) {
                        try await executor.run([bad], outputs: .meanPooled)
                    }
                }
            }
        }
    }

    @Test func aDeadlineThatHasPassedIsRefusedAtOnce() async throws {
        let executor = InferenceExecutor(
            model: try model(), maximumBatchTokens: 256, maximumQueueTokens: 1 << 20)
        defer { executor.stop() }
        let sequences = texts([5], seed: 4)
        do {
            _ = try await RequestDeadline.within(.zero) { () async throws(ServiceError) in
                try await executor.run(sequences, outputs: .meanPooled)
            }
            Issue.record("a request without time was run")
        } catch {
            guard case .deadlinePassed = error else {
                Issue.record("unexpected: \(error)")
                return
            }
        }
        #expect(executor.counts.passes == 0)
    }

    /// Deadlines hold for what is nested, and are never prolonged there.
    @Test func anInnerDeadlineDoesNotProlongTheOuterOne() async {
        await RequestDeadline.within(.seconds(1)) {
            let outer = RequestDeadline.current
            await RequestDeadline.within(.seconds(100)) {
                #expect(RequestDeadline.current == outer)
            }
            await RequestDeadline.within(nil) { #expect(RequestDeadline.current == outer) }
        }
        #expect(RequestDeadline.current == nil)
    }

    /// What waits is dropped before it runs, and a pass that runs is not wanted any more.
    @Test func expiredRequestsAreDropped() async throws {
        let model = try model()
        let sequences = texts([100, 100, 100], seed: 5)
        let now = ContinuousClock.now
        let result = await withCheckedContinuation { continuation in
            var pending = PendingRequests(
                limits: .init(waitingTokens: 1_000, passTokens: 100, quickTokens: 10))
            let isTaken = pending.admit(
                1,
                PendingRequests.Request(
                    model: model, sequences: sequences, outputs: .meanPooled, admitted: now,
                    deadline: now + .seconds(5), continuation: continuation, arrived: nil,
                    results: [nil, nil, nil], remaining: 3))
            #expect(isTaken)
            let work = pending.nextWork(interrupting: false, at: now)
            #expect(work?.pass.tokens == 100)
            let early = pending.expire(at: now + .seconds(4))
            #expect(early.isEmpty && pending.queue.queuedTokens == 200)
            #expect(work.map { pending.isWanted($0.pass) } == true)

            let late = pending.expire(at: now + .seconds(5))
            #expect(late.count == 1 && pending.queue.isEmpty)
            #expect(work.map { pending.isWanted($0.pass) } == false)
            let nothing = pending.nextWork(interrupting: false, at: now)
            #expect(nothing == nil)
            for answer in late { answer.give() }
        }
        guard case .failure(.deadlinePassed) = result else {
            Issue.record("unexpected: \(result)")
            return
        }
    }

    /// The answer comes when the deadline passes, although the work ahead would take longer.
    @Test func aWaitingRequestIsAnsweredAtItsDeadline() async throws {
        let executor = InferenceExecutor(
            model: try model(), maximumBatchTokens: 128, maximumQueueTokens: 1 << 24,
            quickTokens: 1)
        defer { executor.stop() }
        let ahead = texts(Array(repeating: 128, count: 4_000), seed: 6)
        // However late this test gets to run, there is work ahead.
        let blocking = Task {
            while !Task.isCancelled { _ = try await executor.run(ahead, outputs: .meanPooled) }
        }
        while executor.load == 0 { await Task.yield() }
        let sequences = texts(Array(repeating: 100, count: 4_000), seed: 7)
        await #expect(throws: ServiceError.self) {
            try await RequestDeadline.within(.milliseconds(20)) { () async throws(ServiceError) in
                try await executor.run(sequences, outputs: .meanPooled)
            }
        }
        #expect(executor.counts.expired == 1)
        blocking.cancel()
        _ = await blocking.result
    }
}
