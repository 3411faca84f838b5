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
        // Every thread of the queue is busy, with work that asks whether it is still wanted.
        let begun = Counter()
        let busy = (0..<64).map { _ in
            Task {
                try await LongWork.run(bytes: .max, cancelled: Cancelled()) {
                    (isLeft) throws(Cancelled) in
                    begun.add()
                    while !isLeft() { usleep(1_000) }
                    throw Cancelled()
                }
            }
        }
        while begun.count == 0 { await Task.yield() }
        for task in busy { task.cancel() }
        for task in busy { await #expect(throws: Cancelled.self) { try await task.value } }
        let ran = await LongWork.run(bytes: .max) { true }
        #expect(ran)
    }
}
