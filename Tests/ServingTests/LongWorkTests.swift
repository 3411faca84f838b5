import Foundation
import Synchronization
import Testing

@testable import Serving

/// Long work is done by threads that no answer waits for.
@Suite struct LongWorkTests {
    /// The name of the current thread: that of the queues which it works for.
    private static func thread() -> String {
        (try? String(contentsOfFile: "/proc/thread-self/comm", encoding: .utf8)) ?? ""
    }

    @Test func queuesForLongWorkHaveThreadsOfTheirOwn() async throws {
        let pool = Self.thread()
        let queue = await LongWork.run(bytes: .max) { Self.thread() }
        let here = await LongWork.run(bytes: 1) { Self.thread() }
        #expect(queue != pool && here == pool)
    }

    private struct Cancelled: Error {}

    private final class Counter: Sendable {
        private let value = Mutex(0)
        var count: Int { value.withLock { $0 } }
        func add() { value.withLock { $0 += 1 } }
    }

    @Test func whatNobodyWaitsForNeverBegins() async throws {
        // As many threads as the queue may have are held.
        let gate = DispatchSemaphore(value: 0)
        let held = Counter()
        let busy = (0..<256).map { _ in
            Task {
                await LongWork.run(bytes: .max) {
                    held.add()
                    gate.wait()
                }
            }
        }
        while held.count == 0 { await Task.yield() }
        let begun = Counter()
        let unwanted = (0..<64).map { _ in
            Task {
                try await LongWork.run(bytes: .max, cancelled: Cancelled()) {
                    (_) throws(Cancelled) in begun.add()
                }
            }
        }
        for task in unwanted { task.cancel() }
        // They end while all threads are held.
        for task in unwanted { await #expect(throws: Cancelled.self) { try await task.value } }
        #expect(held.count < 256)
        for _ in busy { gate.signal() }
        for task in busy { await task.value }
        await LongWork.run(bytes: .max) {}
        #expect(begun.count == 0)
    }

    @Test func workThatRunsIsAskedToEnd() async throws {
        let begun = Counter()
        let task = Task {
            try await LongWork.run(bytes: .max, cancelled: Cancelled()) {
                (isLeft) throws(Cancelled) in
                begun.add()
                while !isLeft() { usleep(1_000) }
                throw Cancelled()
            }
        }
        while begun.count == 0 { await Task.yield() }
        task.cancel()
        await #expect(throws: Cancelled.self) { try await task.value }
    }
}
