import Serving
import Synchronization
import TestSupport
import Testing

/// A value that tasks share.
private final class Shared<Value: Sendable>: Sendable {
    private let mutex: Mutex<Value>

    init(_ value: Value) { mutex = Mutex(value) }

    var value: Value { mutex.withLock { $0 } }

    func change(_ body: (inout Value) -> Void) { mutex.withLock { body(&$0) } }
}

@Suite struct SingleFlightTests {
    struct Trouble: Error {}

    @Test func equalWorkIsDoneOnce() async throws {
        let flight = SingleFlight<Int, String>()
        let calls = Shared<[[Int]]>([])
        let (started, gate) = (Gate(), Gate())
        async let first = flight.values([1, 2]) { indices, _ in
            calls.change { $0.append(indices) }
            started.open()
            await gate.wait()
            return indices.map { "value \($0 + 1)" }
        }
        await started.wait()
        #expect(flight.count == 2)
        // The second leads 3 and waits for 2; it is under way once 3 is computed.
        let three = Gate()
        async let second = flight.values([2, 3]) { indices, _ in
            calls.change { $0.append(indices) }
            three.open()
            return indices.map { _ in "value 3" }
        }
        await three.wait()
        gate.open()
        #expect(await first == ["value 1", "value 2"])
        #expect(await second == ["value 2", "value 3"])
        #expect(calls.value == [[0, 1], [1]])
        #expect(flight.count == 0)
    }

    @Test func callersThatWaitForEachOtherDoNotHang() async throws {
        let flight = SingleFlight<Int, Int>()
        let computed = Shared(0)
        try await withThrowingTaskGroup(of: [Int].self) { group in
            for round in 0..<200 {
                let keys = [round % 7, 7 + round % 5, 12 + round % 3].shuffled()
                group.addTask {
                    try await flight.values(keys) { (indices, _) async throws(CancellationError) in
                        computed.change { $0 += indices.count }
                        await Task.yield()
                        return indices.map { keys[$0] * 10 }
                    }.enumerated().map { index, value in value == keys[index] * 10 ? 0 : 1 }
                }
            }
            for try await wrong in group { #expect(wrong == [0, 0, 0]) }
        }
        #expect(flight.count == 0)
        #expect(computed.value <= 600)
    }

    @Test func afterAFailureTheWaitingTryThemselves() async throws {
        let flight = SingleFlight<Int, Int>()
        let (started, gate) = (Gate(), Gate())
        let failing = Task {
            try await flight.values([1]) { (_, _) async throws(Trouble) in
                started.open()
                await gate.wait()
                throw Trouble()
            }
        }
        await started.wait()
        let (asked, other) = (Gate(), Gate())
        let waiting = Task {
            await flight.values([2, 1]) { indices, _ in
                // Called for 2 at once, and for 1 when the other has failed.
                if indices == [0] {
                    asked.open()
                    await other.wait()
                }
                return indices.map { $0 == 0 ? 20 : 10 }
            }
        }
        await asked.wait()
        other.open()
        gate.open()
        await #expect(throws: Trouble.self) { try await failing.value }
        #expect(await waiting.value == [20, 10])
        #expect(flight.count == 0)
    }

    @Test func aValueThatArrivesEarlyIsNotWaitedForAnyLonger() async throws {
        let flight = SingleFlight<Int, String>()
        let (started, gate) = (Gate(), Gate())
        let batch = Task {
            await flight.values([1, 2, 3]) { indices, arrivals in
                started.open()
                arrivals.arrive(1) { "early" }
                await gate.wait()
                return indices.map { "value \($0 + 1)" }
            }
        }
        await started.wait()
        // The batch is not done; 2 is, and nothing has to be computed for it.
        let one = await flight.values([2]) { indices, _ in indices.map { _ in "own" } }
        #expect(one == ["early"] && flight.count == 3)
        gate.open()
        #expect(await batch.value == ["value 1", "value 2", "value 3"])
        #expect(flight.count == 0)
    }

    @Test func aCancelledCallerStopsWaiting() async throws {
        let flight = SingleFlight<Int, Int>()
        let (started, gate) = (Gate(), Gate())
        let first = Task {
            await flight.values([1]) { indices, _ in
                started.open()
                await gate.wait()
                return indices
            }
        }
        await started.wait()
        let second = Task {
            try await flight.values([1]) { (_, _) async throws(CancellationError) in
                throw CancellationError()
            }
        }
        second.cancel()
        // It ends although the first has not.
        await #expect(throws: CancellationError.self) { try await second.value }
        gate.open()
        #expect(await first.value == [0])
        #expect(flight.count == 0)
    }
}
